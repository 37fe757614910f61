import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clientCount, Simulation, shardCount, visitorCount } from '../support/simulation.ts'

type Step = (simulation: Simulation) => void | Promise<void>

const client = fc.nat(clientCount - 1)
const visitor = fc.nat(visitorCount - 1)
const shard = fc.nat(shardCount - 1)
const fate = fc.constantFrom('acked', 'acked', 'ack lost', 'refused')
const disk = fc.constantFrom('works', 'works', 'fails', 'holds', 'lands')

/** A step that prints as what it does. */
function step(name: string, ...args: readonly unknown[]): (run: Step) => Step {
  return (run) => Object.assign(run, { toString: () => `${name} ${args.join(' ')}` })
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(client, visitor)
      .map(([c, v]) => step('track', c, v)((one) => one.track(c, v))),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(client, shard, fate)
      .map(([c, s, f]) => step('send', c, s, f)((one) => one.send(c, s, f))),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(shard, fc.integer({ min: 1, max: 8 }))
      .map(([s, n]) => step('deliver', s, n)((one) => one.deliver(s, n))),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(client, visitor)
      .map(([c, v]) => step('decide', c, v)((one) => one.decide(c, v))),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(10, 1_200, 2_500)
      .map((ms) => step('pass', ms)((one) => one.pass(ms))),
  },
  { weight: 2, arbitrary: disk.map((to) => step('disk', to)((one) => one.disk(to))) },
  { weight: 1, arbitrary: shard.map((s) => step('tick', s)((one) => one.tick(s))) },
  {
    weight: 1,
    arbitrary: fc.boolean().map((landed) => step('crash', landed)((one) => one.crash(landed))),
  },
)

test('nothing is lost, doubled or unread, whatever is resent, delayed, refused or killed', async () => {
  const seen = { decides: 0, fresh: 0, stale: 0, crashes: 0, resends: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { minLength: 60, maxLength: 160 }),
      fc.constantFrom(0, 4_000, 1024 ** 3),
      async (all, budgetBytes) => {
        const simulation = await Simulation.start(budgetBytes)
        for (const run of all) {
          await run(simulation)
          simulation.check()
        }
        await simulation.settle()
        for (const what of ['decides', 'fresh', 'stale', 'crashes', 'resends'] as const)
          seen[what] += simulation.seen[what]
      },
    ),
    { numRuns: 200 },
  )

  // Steps that never met what they are about would prove nothing.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20)
})
