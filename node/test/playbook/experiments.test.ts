import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import { Person } from '../core/decision/person.ts'
import { told } from './faults-of.ts'

const dayMs = 86_400_000

/** Line 8 is the first of the experiments. */
function text(experiments: string, when = 'true'): string {
  return `playbook: shop
zone: Europe/London
events: { order: { total: double } }
placements:
  hero: { channel: web, format: banner, fallback: {} }
  side: { channel: web, format: banner, fallback: {} }
offers: { boots: { when: '${when}', treatments: { banner: {} } } }
experiments: ${experiments}
`
}

const order =
  '{ order: { at: [hero], arms: { ours: 90%, none: { share: 5%, shows: fallback }, any: { share: 0.05, shows: random } }, measure: { on: accept, within: 3d }, guardrails: [{ on: dismiss }, { event: order, within: 30d }], starts: 2026-07-01, ends: 2026-07-31 } }'

/** One experiment in which this is said. */
const one = (part: string) => `{ order: { at: [hero], measure: { on: click }, ${part} } }`
const arms = (part: string) => one(`arms: { ${part} }`)

function sharesOf(experiments: string) {
  const [experiment] = compilePlaybook(text(experiments)).experiments
  return experiment?.arms.map(({ name, share }) => [name, Number(share.toFixed(9))])
}

describe('an experiment', () => {
  it('has arms with shares, a measure, guardrails, and a time', () => {
    expect(compilePlaybook(text(order)).experiments).toEqual([
      {
        name: 'order',
        placements: new Set(['hero']),
        arms: [
          { name: 'ours', share: 0.9, shows: 'rules' },
          { name: 'none', share: 0.05, shows: 'fallback' },
          { name: 'any', share: 0.05, shows: 'random' },
        ],
        starts: Date.parse('2026-06-30T23:00:00Z'),
        ends: Date.parse('2026-07-31T23:00:00Z'),
        isRead: false,
        measure: { kind: 'outcome', outcome: 'accept', withinMs: 3 * dayMs },
        guardrails: [
          { kind: 'outcome', outcome: 'dismiss', withinMs: 7 * dayMs },
          { kind: 'event', event: 'order', withinMs: 30 * dayMs },
        ],
      },
    ])
  })

  it('counts at its placements only, at all times where none is said', () => {
    const { placements, experiments } = compilePlaybook(text(arms('a: 50%, b: 50%')))

    expect(placements.get('hero')?.experiments).toEqual(experiments)
    expect(placements.get('side')?.experiments).toEqual([])
    expect(experiments[0]).toMatchObject({ starts: -Infinity, ends: Infinity })
  })

  it('gives the arm without a share what others leave', () => {
    expect(sharesOf(arms('a: 5%, b: {}, c: { share: 12.5% }'))).toEqual([
      ['a', 0.05],
      ['b', 0.825],
      ['c', 0.125],
    ])
  })

  it('takes shares that sum up to all as decimals do', () => {
    expect(sharesOf(arms('a: 0.7, b: 0.2, c: 0.1'))).toHaveLength(3)
  })

  it('is read where a condition, a content or a bucket asks for its arm', () => {
    const isRead = (playbook: string) => compilePlaybook(playbook).experiments[0]?.isRead
    const plain = text(arms('a: 50%, b: 50%'))

    expect(isRead(plain)).toBe(false)
    expect(isRead(text(arms('a: 50%, b: 50%'), 'arm("order") == "a"'))).toBe(true)
    expect(isRead(plain.replace('banner: {}', 'banner: { title: "$' + "{arm('order')}\" }"))).toBe(
      true,
    )
    expect(
      isRead(
        plain.replace('fallback: {}', 'fallback: {}, learn: { on: click, by: [\'arm("order")\'] }'),
      ),
    ).toBe(true)
  })
})

describe('a fault in an experiment', () => {
  const pointing = (excerpt: string, start: number, length: number) =>
    `\n    ${excerpt}\n    ${' '.repeat(start)}${'^'.repeat(length)}`
  it.each([
    [
      '{ order: { at: [hero], arms: { a: 50%, b: 50% } } }',
      '8:23 experiments.order: "measure" is missing',
    ],
    [arms('a: 100%'), '8:67 experiments.order.arms: needs at least 2 of them'],
    [arms('a: 50%, b: 60%'), '8:61 experiments.order.arms: the shares sum up to 110%, not to 100%'],
    [
      arms('a: {}, b: {}'),
      '8:79 experiments.order.arms.b: only one arm gets the rest: give this one a share',
    ],
    [
      arms('a: {}, b: 60%, c: 40%'),
      '8:72 experiments.order.arms.a: nothing is left for it: others have 100%',
    ],
    [arms('a: 100%, b: 0%'), '8:81 experiments.order.arms.b: a share is more than 0'],
    [
      arms('a: half, b: 50%'),
      '8:72 experiments.order.arms.a: must be a share like 5% or 0.05, or a map like { share: 5%, shows: fallback }',
    ],
    [
      arms('a: {}, b: { shows: nothing }'),
      '8:88 experiments.order.arms.b.shows: must be one of rules, fallback, random, unlearned',
    ],
    [
      '{ order: { at: [hero, sid], arms: { a: {}, b: 50% }, measure: { on: click } } }',
      '8:36 experiments.order.at.1: no placement "sid"; did you mean "side"?',
    ],
    [
      '{ order: { at: [hero], arms: { a: {}, b: 50% }, measure: { on: click, event: order } } }',
      '8:71 experiments.order.measure: a measure is an outcome (on) or an event: name one of them',
    ],
    [
      '{ order: { at: [hero], arms: { a: {}, b: 50% }, measure: { event: ordr } } }',
      '8:80 experiments.order.measure.event: no event "ordr"; did you mean "order"?',
    ],
    [
      '{ order: { at: [hero], arms: { a: {}, b: 50% }, measure: { on: click, within: 100d } } }',
      '8:92 experiments.order.measure.within: must be at most 90d',
    ],
    [
      one('arms: { a: {}, b: 50% }, starts: 2026-08-01, ends: 2026-07-01'),
      '8:112 experiments.order.ends: this experiment ends before it begins',
    ],
    [
      '{ "a=b": { at: [hero], arms: { a: {}, b: 50% }, measure: { on: click } } }',
      '8:16 experiments.a=b: the name of an experiment has no "="',
    ],
    [
      `{ ${'e'.repeat(60)}: { at: [hero], arms: { a: {}, other: 50% }, measure: { on: click } } }`,
      `8:107 experiments.${'e'.repeat(60)}.arms.other: the names of an experiment and of its arm have at most 64 characters together`,
    ],
  ])('is told where it is: %s', (experiments, fault) => {
    expect(told(text(experiments))).toEqual([`p.yaml:${fault}`])
  })

  it.each([
    [
      'arm("ordr") == "a"',
      '7:31 offers.boots.when: no experiment "ordr"; did you mean "order"?',
      4,
      6,
    ],
    [
      'arm("order") == "other"',
      '7:43 offers.boots.when: experiment "order" has no arm "other"; there are a, b',
      16,
      7,
    ],
    [
      'arm(channel) == "a"',
      '7:31 offers.boots.when: arm(…) takes the name of an experiment, in quotes',
      4,
      7,
    ],
    ['arm("order")', '7:27 offers.boots.when: this is a string; a bool is needed here', 0, 12],
    [
      'recent("order", "1d").exists(o, arm("order") == "a")',
      '7:59 offers.boots.when: a condition on an event reads that event only, so that its counts stay exact',
      32,
      12,
    ],
  ])('is told where a condition asks for it: %s', (when, fault, start, length) => {
    expect(told(text(arms('a: 50%, b: 50%'), when))).toEqual([
      `p.yaml:${fault}${pointing(when, start, length)}`,
    ])
  })

  it('is more at one placement and time than a decision may have', () => {
    const five = (times: readonly string[]) =>
      `{ ${times.map((time, i) => `e${i}: { at: [hero], arms: { a: {}, b: 50% }, measure: { on: click }${time} }`).join(', ')} }`

    expect(told(text(five(['', '', '', '', ', starts: 2026-01-01'])))).toEqual([
      expect.stringContaining(
        'experiments.e4.at.0: 5 experiments run here at the same time, at most 4 can',
      ),
    ])
    expect(told(text(five(['', '', '', ', ends: 2025-12-31', ', starts: 2026-01-01'])))).toEqual([])
  })

  it('is a segment that depends on it', () => {
    const playbook = `${text(arms('a: 50%, b: 50%'))}facts: { inA: arm("order") == "a" }\nsegments: [inA]\n`

    expect(told(playbook)).toEqual([
      expect.stringContaining('whether somebody is in a segment does not depend on that'),
    ])
  })
})

it('nothing but default content is called fallback', () => {
  const playbook = `playbook: shop
groups: { fallback: {} }
placements: { hero: { channel: web, format: fallback, fallback: {} } }
offers: { fallback: { treatments: { fallback: {} } } }
`

  expect(told(playbook)).toEqual(
    [
      '2:11 groups.fallback',
      '3:45 placements.hero.format',
      '4:11 offers.fallback',
      '4:37 offers.fallback.treatments.fallback',
    ].map((place) => `p.yaml:${place}: "fallback" is the name of default content`),
  )
})

describe('why something is shown', () => {
  /** Of an experiment whose first arm nearly everybody is in. */
  const explained = (more: string) => {
    const playbook = compilePlaybook(`playbook: shop
consent: { personalise: assumed }
placements: { hero: { channel: web, format: banner, fallback: {} } }
offers: { boots: { when: 'arm("hero-order") == "ours"', treatments: { banner: {} } } }
experiments: { hero-order: { at: [hero], arms: { ours: {}, any: 0.01% }, measure: { on: click }${more} } }
`)
    const [explanation] = new Person(playbook).explain(['hero'])
    return [explanation?.candidates[0]?.reason, explanation?.sentence]
  }

  it('names the arm that was asked for', () => {
    expect(explained('')).toEqual([
      expect.stringContaining(
        'when: arm("hero-order") == "ours" is true (arm("hero-order") is "ours")',
      ),
      'At hero you see boots, because in the experiment hero order you are in ours.',
    ])
  })

  it('says that it is not known where the experiment does not run', () => {
    expect(explained(', starts: 2030-01-01')).toEqual([
      'when: arm("hero-order") == "ours" is unknown (arm("hero-order") is unknown)',
      'At hero you see what everybody sees: the only offer, boots, is not for you now, because you are not in the experiment hero order.',
    ])
  })
})
