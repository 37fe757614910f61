import { isFields, shardOf } from '@halfsecond/protocol'
import { shardCount } from './schedule.ts'
import type { Simulation } from './simulation.ts'

/** What was written to is looked at after a moment; what a dead node did not look at, by who follows. */
const lookedAtMs = 10_000

/** Signals of one read. */
const pageSize = 1_000

/** Who saw an odd number of pages is in a segment, as are all who saw any; others hear each change once. */
export async function checkSegments(simulation: Simulation): Promise<void> {
  const { visitors, truths, nodes, invariants } = simulation
  const broken = (what: string) => invariants.broken('I13 segments', what)
  const wrong = () =>
    visitors.find((visitor) => {
      const truth = truths[shardOf(visitor, shardCount)]
      const pages = truth?.branch.events(visitor).length ?? 0
      const expected = [pages > 0 && 'seen', pages % 2 === 1 && 'odd'].filter(Boolean).join()
      const folds = nodes.flatMap(({ engine }) =>
        (engine?.shards ?? []).filter(({ number }) => number === truth?.number),
      )
      return [truth?.bare.fragments.get(visitor), ...folds.map((one) => one.read(visitor))].some(
        (fragment) => namesOf(fragment?.segments) !== expected,
      )
    })
  await simulation.expect(() => wrong() === undefined, lookedAtMs, 'that segments are right')
  if (wrong() !== undefined) return
  const isTold = () => truths.every(({ bare }) => bare.state.outbox.size === 0)
  await simulation.expect(isTold, lookedAtMs, 'that segments are told')
  const heard = await heardOf(simulation)
  for (const visitor of visitors)
    for (const segment of ['seen', 'odd']) {
      const told = heard.get(`${visitor} ${segment}`) ?? []
      if (told.some((signal, i) => signal !== (i % 2 === 0 ? 'entered' : 'left')))
        broken(`of ${visitor} and ${segment} others hear ${told.join(', ')}`)
      const truth = truths[shardOf(visitor, shardCount)]
      const isIn = truth?.bare.fragments.get(visitor)?.segments?.has(segment) ?? false
      if (isIn !== (told.at(-1) === 'entered'))
        broken(`others hear that ${visitor} ${told.at(-1)} ${segment} at last, which is wrong`)
    }
}

function namesOf(segments: ReadonlySet<string> | null | undefined): string {
  return ['seen', 'odd'].filter((name) => segments?.has(name)).join()
}

/** By visitor and segment: `entered` and `left`, in order. */
async function heardOf({ signals, visitors }: Simulation): Promise<Map<string, string[]>> {
  const known = new Set<unknown>(visitors)
  const heard = new Map<string, string[]>()
  for (let after = 0; ; ) {
    const page = await signals.read(after, pageSize)
    for (const { cursor, text } of page) {
      after = cursor
      const signal: unknown = JSON.parse(text)
      if (!isFields(signal) || !known.has(signal.profile)) continue
      const { profile, segment, signal: kind } = signal
      if (typeof segment !== 'string' || typeof kind !== 'string') continue
      const told = heard.get(`${profile} ${segment}`) ?? []
      told.push(kind)
      heard.set(`${profile} ${segment}`, told)
    }
    if (page.length < pageSize) return heard
  }
}
