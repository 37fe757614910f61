import type { Answer, OutcomeRecord } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CatalogueFiller } from '../../../src/core/catalogue/catalogue.ts'
import {
  encodeDecision,
  readDecision,
  rederive,
} from '../../../src/core/decision/logged-decision.ts'
import { readTimeline } from '../../../src/core/fragment/timeline.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { DecidingCluster, decide } from '../../support/deciding-cluster.ts'
import { start } from '../../support/records.ts'

const once = 'limits: [{ on: display, max: 1, per: 1d }]'
const twice = 'limits: [{ on: display, max: 2, per: 1d }]'
const strictOnce = 'limits: [{ on: display, max: 1, per: lifetime, strict: true }]'

/** Shows `card` as often as its limits allow, else nothing. */
function playbookOf(limits: string) {
  return compilePlaybook(`
playbook: exposures
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: none }
  segment: { channel: web, format: banner, fallback: none }
  mail: { channel: email, format: banner, fallback: none, token: 30d }
offers:
  card: { ${limits}, treatments: { banner: card } }
`)
}

const everywhere = [
  [0, 1],
  [0, 1],
  [0, 1],
  [0, 1],
]
const nothingPending: readonly Uint8Array[] = []
const user = DecidingCluster.at('user', 1)

function offersOf(answer: Answer): string[] {
  if (answer.kind !== 'decision') throw new Error(JSON.stringify(answer))
  return answer.placements.flatMap((one) =>
    'error' in one ? [] : one.propositions.map(({ content }) => String(content)),
  )
}

/** Asks node 0, which leads every shard, or another one. */
async function asked(
  cluster: DecidingCluster,
  decision: string,
  { placements = ['hero'], pending = nothingPending, node = 0, of = user } = {},
): Promise<string> {
  const question = decide([of], { decision, placements, pending })
  return offersOf(await cluster.ask(question, node)).join(' ')
}

function outcome(decision: string, said: OutcomeRecord['outcome'] = 'display'): OutcomeRecord {
  return {
    kind: 'outcome',
    id: `${decision}-${said}`,
    key: user,
    at: start,
    decision,
    placement: 'hero',
    offer: 'card',
    treatment: 'banner',
    outcome: said,
  }
}

function kindsIn(cluster: DecidingCluster, node = 0): string[] {
  const shard = cluster.nodes[node]?.shards[1]
  const fragment = shard?.read(user)
  if (shard === undefined || fragment === undefined) return []
  return readTimeline(fragment, shard.memory).map(({ record }) => record.kind)
}

describe('an offer with a limit on display', () => {
  it('is not given a second time while the first may still be displayed', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(once))

    expect(await asked(cluster, 'd1')).toBe('card')
    expect(await asked(cluster, 'd2')).toBe('none')
    cluster.clock.advance(60_000)
    expect(await asked(cluster, 'd3')).toBe('card')
  })

  it('is given again to the same question, which is asked twice', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(once))

    expect(await asked(cluster, 'd1')).toBe('card')
    expect(await asked(cluster, 'd1')).toBe('card')
  })

  it.each(['display', 'click', 'accept'] as const)(
    'counts once when a %s comes back',
    async (said) => {
      const cluster = await DecidingCluster.start(
        everywhere,
        playbookOf(`accepted: allow, ${twice}`),
      )
      await asked(cluster, 'd1')

      await cluster.publish(outcome('d1', said))

      expect(await asked(cluster, 'd2')).toBe('card')
      expect(await asked(cluster, 'd3')).toBe('none')
    },
  )

  it('counts once while its display is pending', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(twice))
    await asked(cluster, 'd1')
    const pending = [cluster.pending(outcome('d1'))]

    expect(await asked(cluster, 'd2', { pending })).toBe('card')
    expect(await asked(cluster, 'd3', { pending })).toBe('none')
  })

  it('is not reserved by an explanation', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(once))

    await cluster.nodes[0]?.decider.explain(decide([user], { placements: ['hero'] }))

    expect(await asked(cluster, 'd1')).toBe('card')
  })

  it('is skipped by a standby where one exposure that it does not know of would fill the limit', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(once))
    const other = await DecidingCluster.start(everywhere, playbookOf(twice))

    expect(await asked(cluster, 'd1', { node: 1 })).toBe('none')
    expect(await asked(other, 'd1', { node: 1 })).toBe('card')
  })

  it('is reserved by the primary when a standby gave it', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(twice))

    await asked(cluster, 'd1', { node: 1 })

    expect(cluster.requests).toEqual(['n1 to n0'])
    expect(await asked(cluster, 'd2')).toBe('card')
    expect(await asked(cluster, 'd3')).toBe('none')
  })

  it('is given at most one more time per answer of a standby that the primary did not hear of', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(twice))
    const [primary] = cluster.nodes
    if (primary) primary.state = 'gone'
    const hedged = await asked(cluster, 'd1', { node: 1 })
    if (primary) primary.state = 'up'

    const given = [hedged]
    for (const decision of ['d2', 'd3', 'd4']) given.push(await asked(cluster, decision))

    expect(given.filter((one) => one === 'card')).toHaveLength(3)
  })
})

describe('at a placement with a token', () => {
  it('deciding is the exposure: it stands in the log, and its display counts nothing more', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(twice))

    expect(await asked(cluster, 'd1', { placements: ['mail'] })).toBe('card')
    await cluster.publish({ ...outcome('d1'), placement: 'mail' })

    expect(kindsIn(cluster)).toEqual(['grant', 'outcome'])
    cluster.clock.advance(3_600_000)
    expect(await asked(cluster, 'd2', { placements: ['mail'] })).toBe('card')
    cluster.clock.advance(3_600_000)
    expect(await asked(cluster, 'd3', { placements: ['mail'] })).toBe('none')
    expect(await asked(cluster, 'd4')).toBe('none')
  })

  it('what a standby gave is written by the primary, once it is back', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(twice))
    const [primary] = cluster.nodes
    if (primary) primary.state = 'gone'
    expect(await asked(cluster, 'd1', { placements: ['mail'], node: 1 })).toBe('card')
    expect(kindsIn(cluster, 1)).toEqual([])

    if (primary) primary.state = 'up'
    cluster.clock.advance(250)
    await new Promise<void>((resolve) => setImmediate(resolve))

    expect(kindsIn(cluster, 1)).toEqual(['grant'])
  })

  it('the same decision again is granted once', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(once))

    const answers = [
      await asked(cluster, 'd1', { placements: ['mail'] }),
      await asked(cluster, 'd1', { placements: ['mail'] }),
    ]

    expect(answers).toEqual(['card', 'card'])
    expect(kindsIn(cluster)).toEqual(['grant'])
  })
})

describe('a strict limit', () => {
  it('is kept by the log: of 1,000 parallel decides one gives what may be shown once', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(strictOnce))

    const all = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        cluster.answerNow(decide([user], { decision: `d${i}`, placements: ['hero'] })),
      ),
    )

    expect(all.flatMap(offersOf).filter((one) => one === 'card')).toHaveLength(1)
    expect(kindsIn(cluster)).toEqual(['grant'])
  })

  it('gives the same again to the same question', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(strictOnce))

    expect(await asked(cluster, 'd1')).toBe('card')
    expect(await asked(cluster, 'd1')).toBe('card')
    expect(await asked(cluster, 'd2')).toBe('none')
    expect(kindsIn(cluster)).toEqual(['grant'])
  })

  it('is not available from a standby, which says so', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(strictOnce))

    expect(await asked(cluster, 'd1', { node: 1 })).toBe('none')
    expect(kindsIn(cluster)).toEqual([])
  })

  it('counts what other fragments of the person were granted', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbookOf(strictOnce))
    const cookie = DecidingCluster.at('anon', 2)
    expect(await asked(cluster, 'd1', { of: cookie })).toBe('card')
    await cluster.publish({
      kind: 'link',
      id: 'l1',
      key: cookie,
      to: user,
      at: start,
      strength: 'authenticated',
    })
    await cluster.settle()
    cluster.clock.advance(120_000)

    expect(await asked(cluster, 'd2')).toBe('none')
    expect(await asked(cluster, 'd3', { of: cookie })).toBe('none')
  })

  it('shows the best that is left where the first is refused', async () => {
    const cluster = await DecidingCluster.start(
      everywhere,
      compilePlaybook(`
playbook: refused
consent: { personalise: assumed }
placements: { hero: { channel: web, format: banner, fallback: none } }
offers:
  card: { priority: 2, ${strictOnce}, treatments: { banner: card } }
  boots: { priority: 1, treatments: { banner: boots } }
`),
    )

    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        cluster.answerNow(decide([user], { decision: `d${i}`, placements: ['hero'] })),
      ),
    )

    expect(all.flatMap(offersOf).toSorted()).toEqual([
      ...Array.from({ length: 19 }, () => 'boots'),
      'card',
    ])
  })

  it('across a group is kept by answers of several offers at several placements', async () => {
    const cluster = await DecidingCluster.start(
      everywhere,
      compilePlaybook(`
playbook: group
consent: { personalise: assumed }
groups:
  sales: { limits: [{ on: display, max: 3, per: 1d, across: group, strict: true }] }
placements:
  hero: { channel: web, format: banner, count: 2, fallback: none }
  list: { channel: call, format: banner, count: 3, fallback: none }
offers:
  a: { group: sales, treatments: { banner: a } }
  b: { group: sales, treatments: { banner: b } }
  c: { group: sales, treatments: { banner: c } }
  d: { group: sales, treatments: { banner: d } }
`),
    )

    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        cluster.answerNow(decide([user], { decision: `d${i}`, placements: ['hero', 'list'] })),
      ),
    )

    expect(all.flatMap(offersOf).filter((one) => one !== 'none')).toEqual(['a', 'b', 'c'])
    expect(kindsIn(cluster)).toEqual(['grant', 'grant', 'grant'])
    cluster.clock.advance(24 * 3_600_000)
    expect(await asked(cluster, 'later', { placements: ['hero', 'list'] })).toBe('a b c')
  })

  it('of what is made of a catalogue is kept for each item by itself', async () => {
    const filler = new CatalogueFiller()
    for (const id of ['a', 'b'])
      filler.add({ id, values: { kind: 'boot', price: id === 'a' ? 2 : 1 } })
    const playbook = compilePlaybook(
      `
playbook: items
consent: { personalise: assumed }
catalogues: { shop: { fields: { kind: string, price: double } } }
placements: { hero: { channel: web, format: banner, fallback: none } }
offers:
  again:
    from: shop
    match: 'item.kind == "boot"'
    value: item.price
    ${strictOnce}
    treatments: { banner: "\${item.price}" }
`,
      new Map([['shop', filler.finish()]]),
    )
    const cluster = await DecidingCluster.start(everywhere, playbook)

    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        cluster.answerNow(decide([user], { decision: `d${i}`, placements: ['hero'] })),
      ),
    )

    const shown = all.flatMap(offersOf).filter((one) => one !== 'none')
    expect(shown.toSorted()).toEqual(['1', '2'])
  })

  it('is never exceeded, whatever is asked at once and however often', async () => {
    const wave = fc.array(fc.nat(6), { minLength: 1, maxLength: 12 })
    const placements = fc.constantFrom(['hero'], ['hero', 'segment'], ['mail'], ['mail', 'hero'])
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(wave, placements), { maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        async (waves, max) => {
          const cluster = await DecidingCluster.start(
            everywhere,
            playbookOf(`limits: [{ on: display, max: ${max}, per: lifetime, strict: true }]`),
          )
          const shown = new Set<string>()
          for (const [numbers, at] of waves) {
            let isAnswered = false
            const all = Promise.all(
              numbers.map(async (number) => {
                const decision = `d${number}`
                const answer = await cluster.answerNow(
                  decide([user], { decision, placements: at }),
                  number % 2,
                )
                if (answer.kind !== 'decision') throw new Error(JSON.stringify(answer))
                for (const one of answer.placements)
                  if (!('error' in one) && one.propositions[0]?.offer === 'card')
                    shown.add(`${decision} ${one.placement}`)
              }),
            ).finally(() => {
              isAnswered = true
            })
            // A standby lets the primary answer first.
            while (!isAnswered) {
              await new Promise((resolve) => setImmediate(resolve))
              cluster.clock.advance(50)
            }
            await all
            cluster.clock.advance(30_000)
          }
          expect(shown.size).toBeLessThanOrEqual(max)
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe('the log of decisions', () => {
  it.each([
    ['a limit', twice],
    ['a strict limit', 'limits: [{ on: display, max: 2, per: lifetime, strict: true }]'],
  ])('has what was given, so that each is made again the same, with %s', async (_name, limits) => {
    const playbook = playbookOf(limits)
    const cluster = await DecidingCluster.start(everywhere, playbook)
    const remade: boolean[] = []
    cluster.onDecided = (decided) => {
      const entry = encodeDecision(decided, 0)
      const made = entry && rederive(readDecision(entry), playbook, new ZoneCalendar())
      remade.push(made?.isSame === true)
    }

    await Promise.all(
      ['d1', 'd2', 'd3', 'd2'].map((decision) =>
        cluster.answerNow(decide([user], { decision, placements: ['hero', 'mail'] })),
      ),
    )
    for (const node of [0, 1]) await asked(cluster, `e${node}`, { node })
    await asked(cluster, 'd1')

    expect(remade).toEqual(Array.from({ length: 7 }, () => true))
  })
})

describe('content that is displayed later, at a placement that learns', () => {
  const learn = 'learn: { on: click, within: 2d, halfLife: 7d }'
  const playbook = compilePlaybook(`
playbook: later
consent: { personalise: assumed }
placements:
  mail: { channel: email, format: banner, fallback: none, token: 30d, ${learn} }
  sms: { channel: sms, format: banner, fallback: none, token: 30d }
  hero: { channel: web, format: banner, fallback: none, ${learn} }
offers:
  card: { treatments: { banner: card } }
`)

  it.each([
    ['the primary', 0],
    ['a standby', 1],
  ])('is tried by being given, whoever of them decides: %s', async (_, node) => {
    const cluster = await DecidingCluster.start(everywhere, playbook)

    await asked(cluster, 'd1', { placements: ['mail'], node })
    await cluster.settle()

    const shard = cluster.nodes[0]?.shards[1]
    const fragment = shard?.read(user)
    const records = shard && fragment ? readTimeline(fragment, shard.memory) : []
    expect(records.map(({ record }) => record)).toMatchObject([
      {
        kind: 'grant',
        offer: 'card',
        treatment: 'banner',
        trial: 'later click 172800000 604800000 ',
      },
    ])
  })

  it('is not written to the log where nobody learns, or where it is displayed at once', async () => {
    const cluster = await DecidingCluster.start(everywhere, playbook)

    expect(await asked(cluster, 'd1', { placements: ['sms', 'hero'] })).toContain('card')
    await cluster.settle()

    expect(kindsIn(cluster)).toEqual([])
  })
})
