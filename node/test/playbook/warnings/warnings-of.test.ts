import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readPlaybook } from '../../../src/playbook/compile-playbook.ts'
import { warningsOf } from '../../../src/playbook/warnings/warnings-of.ts'

interface Parts {
  readonly facts?: string
  readonly groups?: string
  readonly placements?: string
  readonly card?: string
  readonly offers?: string
  readonly traits?: string
}

const hero = 'hero: { channel: web, format: banner, fallback: {} }'
const mail = 'mail: { channel: email, format: banner, fallback: {} }'

/** A playbook with one offer, in which this is said besides. */
function warned({
  facts = '',
  groups = '',
  placements = hero,
  card = '',
  offers = '',
  traits = '',
}: Parts): string[] {
  const text = `playbook: shop
events: { page: { path: string, ms: int } }
traits: { tier: { type: string }, age: { type: int }, vip: { type: bool, default: false }${traits && `, ${traits}`} }
profile: { web: [tier, age, vip] }
facts: { ${facts} }
catalogues: { tents: { fields: { size: int }, examples: [{ id: a, size: 3 }] } }
groups: { sales: { ${groups} } }
placements: { ${placements} }
offers:
  card: { group: sales, ${card && `${card}, `}treatments: { banner: { title: Card } } }
${offers && `  ${offers}\n`}`
  return warningsOf(readPlaybook(text)).map(({ path, message }) => `${path}: ${message}`)
}

const never = 'this never holds, so the offer is never shown'

describe('a rule that nobody ever meets', () => {
  it.each([
    'traits.age == 1 && traits.age == 2',
    'traits.age > 3 && traits.age < 3',
    'traits.age >= 3 && traits.age < 3',
    'traits.age in [1, 2] && traits.age > 2',
    'traits.tier == "gold" && traits.tier == "silver"',
    'traits.tier in ["gold", "silver"] && traits.tier == "none"',
    'traits.tier in ["gold"] && traits.tier != "gold"',
    'traits.vip && !traits.vip',
    'traits.vip == false && traits.vip',
    'has(traits.tier) && !has(traits.tier)',
    'count("page", "1h") < 0',
    '0 > count("page", "1h")',
    'count("page", "1h") > 2 && count("page", "1h") < 3',
    'count("page", "1h") == 1.5',
    'count("page", "1h") >= 3 && count("page", "1h") == 0',
    'now.hour > 23',
    'now.weekday == 0',
    'session.minutes < 0',
    'stage("30d", "90d") != "new" && stage("30d", "90d") != "active" && stage("30d", "90d") != "lapsed"',
    'channel == "sms"',
    'placement != "hero"',
    '1 > 2',
    'traits.vip && (traits.age == 1 && traits.age == 2 || traits.tier != traits.tier)',
    'traits.vip ? traits.age < 0 && traits.age > 0 : false',
    'recent("page", "1h").exists(p, p.ms > 3) && !recent("page", "1h").exists(p, p.ms > 3)',
  ])('is told: %s', (rule) => {
    expect(warned({ card: `when: '${rule}'` })).toEqual([`offers.card.when: ${never}`])
  })

  it.each([
    'traits.age == 1 || traits.age == 2',
    'traits.age >= 3 && traits.age <= 3',
    'traits.age > 3 && traits.age < 4',
    'traits.age != 3 && traits.age in [3, 4]',
    'traits.tier != "gold" && traits.tier != "silver"',
    'traits.tier == "gold" && traits.vip',
    '!(traits.vip && traits.age > 3) && traits.vip',
    'has(traits.tier) && traits.tier != "gold"',
    'count("page", "1h") > 2 && count("page", "1d") < 9',
    'count("page", "1h") > 2 && count("page", "1h") < 4',
    'now.hour >= 23 || now.hour == 0',
    'now.weekday in [6, 7]',
    'channel == "web" && placement == "hero"',
    'sum("page", "ms", "1h") < 0',
    'recent("page", "1h").exists(p, p.ms > 3) && !recent("page", "1d").exists(p, p.ms > 4)',
    'traits.age % 2 == 0 && traits.age % 3 == 0',
  ])('is not told where somebody may: %s', (rule) => {
    expect(warned({ card: `when: '${rule}'` })).toEqual([])
  })

  it('is told of facts, and of what needs them', () => {
    expect(warned({ facts: "odd: 'now.hour < 0'", card: 'when: odd && traits.vip' })).toEqual([
      'facts.odd: this never holds',
      `offers.card.when: ${never}`,
    ])
  })

  it('is told where the offer is shown at no such place, though others are', () => {
    const placements = `${hero}, note: { channel: call, format: note, fallback: {} }`
    const rule = `when: 'channel == "call"'`
    const call = 'call: { when: \'channel == "call"\', treatments: { note: {} } }'

    expect(warned({ placements, card: rule, offers: call })).toEqual([`offers.card.when: ${never}`])
  })
})

describe('a rule that excludes all whom another admits', () => {
  it.each([
    ['traits.vip', 'traits.vip', 'offers.card.when: where this holds, never holds too'],
    ['traits.age > 5', 'traits.age > 3', 'offers.card.when: where this holds, never holds too'],
    ['busy', 'busy || traits.vip', 'offers.card.when: where this holds, never holds too'],
  ])('is told: %s, never %s', (when, never, told) => {
    const card = `when: '${when}', never: '${never}'`
    const facts = when === 'busy' ? `busy: 'count("page", "1h") > 9'` : ''

    expect(warned({ facts, card })).toEqual([`${told}: it is never shown`])
  })

  it('is told of a group', () => {
    expect(warned({ groups: 'never: traits.age > 3', card: 'when: traits.age > 5' })).toEqual([
      'offers.card.when: where this holds, what group sales never wants holds too: it is never shown',
    ])
  })

  it.each([
    ['traits.age > 3', 'traits.age > 5'],
    ['traits.vip', 'traits.age == 3'],
    ['count("page", "1h") > 3', 'count("page", "1d") > 3'],
  ])('is not told where some are left: %s, never %s', (when, never) => {
    expect(warned({ card: `when: '${when}', never: '${never}'` })).toEqual([])
  })

  it.each([
    ['count("page", "1h") >= 0', 'this always holds, so nothing here is ever shown'],
    ['now.hour < 0', 'this never holds, so it keeps nothing out'],
  ])('is told where it says nothing: never %s', (rule, told) => {
    expect(warned({ card: `never: '${rule}'` })).toEqual([`offers.card.never: ${told}`])
    expect(warned({ groups: `never: '${rule}'` })).toEqual([`groups.sales.never: ${told}`])
  })

  it('is told where everybody passes', () => {
    expect(warned({ card: `when: 'now.hour >= 0 || traits.vip'` })).toEqual([])
    expect(warned({ card: `when: 'now.hour >= 0'` })).toEqual([
      'offers.card.when: this always holds, so it says nothing',
    ])
  })
})

describe('a rule of contexts, channels and items', () => {
  const shop = (rest: string) => `playbook: shop
events: { page: {} }
traits: { age: { type: int } }
catalogues: { tents: { fields: { size: int, kind: string }, examples: [{ id: a, size: 3, kind: dome }] } }
groups: { sales: {} }
placements: { ${hero} }
${rest}`
  const template = (when: string) =>
    shop(
      `offers: { tent: { from: tents, match: item.kind == "dome", when: '${when}', treatments: { banner: {} } } }`,
    )
  const told = (text: string) =>
    warningsOf(readPlaybook(text)).map(({ path, message }) => `${path}: ${message}`)

  it('is told where it never holds', () => {
    const traits = 'traits.age > 3 && traits.age < 2'
    const read = 'offers: { b: { when: traits.age > 1, treatments: { banner: {} } } }'

    expect(told(shop(`context: [{ when: ${traits}, group: sales, times: 2 }]\n${read}`))).toEqual([
      'context.0.when: this never holds',
    ])
    expect(told(shop(`channels: { web: { when: ${traits} } }\n${read}`))).toEqual([
      'channels.web.when: this never holds, so nothing is shown on this channel',
    ])
    expect(told(template('item.size > 3 && item.size < 2 && traits.age > 1'))).toEqual([
      `offers.tent.when: ${never}`,
    ])
  })

  it('is not told where it may', () => {
    const read = 'offers: { b: { when: traits.age > 1, treatments: { banner: {} } } }'
    expect(
      told(shop(`context: [{ when: traits.age > 3, group: sales, times: 2 }]\n${read}`)),
    ).toEqual([])
    expect(told(template('item.size > 3 && traits.age > 1'))).toEqual([])
  })
})

describe('an offer behind others', () => {
  const steady = 'priority: 2, accepted: allow, rejected: allow'
  const first = (rest = steady) => `first: { ${rest}, treatments: { banner: {} } }`
  const behind =
    'offers.card: it is never shown: first has a greater priority, and nothing keeps that out'

  it('is told', () => {
    expect(warned({ offers: first() })).toEqual([behind])
  })

  it.each([
    ['has the same priority', { card: 'priority: 2', offers: first() }],
    ['is first', { card: 'priority: 3', offers: first() }],
    ['comes after what is accepted', { offers: first('priority: 2, rejected: allow') }],
    ['comes after what is rejected', { offers: first('priority: 2, accepted: allow') }],
    ['stands behind what has a rule', { offers: first(`${steady}, when: traits.vip`) }],
    [
      'stands behind what has a limit',
      {
        offers: first(`${steady}, limits: [{ on: display, max: 1, per: day }]`),
      },
    ],
    [
      'stands behind what its group limits',
      {
        groups: 'limits: [{ on: display, max: 1, per: day, across: group }]',
        card: '',
        offers: first(`${steady}, group: sales`),
      },
    ],
    [
      'stands beside it',
      {
        placements: 'hero: { channel: web, format: banner, count: 2, fallback: {} }',
        offers: first(),
      },
    ],
    ['gets the second placement of an answer', { placements: `${hero}, ${mail}`, offers: first() }],
    [
      'stands where a formula ranks',
      {
        placements:
          'hero: { channel: web, format: banner, fallback: {}, rank: "value - priority" }',
        offers: first(),
      },
    ],
    [
      'stands behind content that may be unknown',
      {
        offers: `first: { ${steady}, treatments: { banner: { title: "\${traits.tier}" } } }`,
      },
    ],
  ])('is not told where it %s', (_what, parts: Parts) => {
    expect(warned(parts)).toEqual([])
  })
})

describe('a cap that is never reached', () => {
  const limit = (text: string) => `limits: [{ ${text} }]`

  it.each([
    [
      'a stricter one of the same',
      {
        card: limit('on: display, max: 5, per: day'),
        groups: limit('on: display, max: 2, per: day'),
      },
      'offers.card.limits.0.max: never reached: at most 2 display per day (groups.sales) is before',
    ],
    [
      'one of a longer time',
      {
        card: limit('on: display, max: 5, per: day'),
        groups: limit('on: display, max: 5, per: week, across: group'),
      },
      'offers.card.limits.0.max: never reached: at most 5 display per week across group (groups.sales) is before',
    ],
    [
      'one of more than it counts',
      {
        card: limit('on: click, max: 5, per: 7d'),
        placements: `hero: { channel: web, format: banner, fallback: {}, limits: [{ on: click, max: 4, per: 8d, across: all }] }`,
      },
      'offers.card.limits.0.max: never reached: at most 4 click per 8d across all (placements.hero) is before',
    ],
    [
      'what its offers allow together',
      {
        card: limit('on: display, max: 2, per: day'),
        placements: `hero: { channel: web, format: banner, fallback: {}, limits: [{ on: display, max: 6, per: day }] }`,
        offers:
          'boots: { limits: [{ on: display, max: 3, per: week }], treatments: { banner: {} } }',
      },
      'placements.hero.limits.0.max: never reached: the caps of what it counts allow 5 display together',
    ],
  ])('is told: %s', (_what, parts: Parts, told) => {
    expect(warned(parts)).toEqual([told])
  })

  it.each([
    [
      'a tighter cap inside',
      {
        card: limit('on: display, max: 2, per: day'),
        groups: limit('on: display, max: 5, per: day, across: group'),
        offers: 'boots: { group: sales, treatments: { banner: {} } }',
      },
    ],
    [
      'two that are the same',
      {
        card: limit('on: display, max: 2, per: day'),
        groups: limit('on: display, max: 2, per: day'),
      },
    ],
    [
      'the same time in other words',
      {
        card: limit('on: display, max: 2, per: 24h'),
        groups: limit('on: display, max: 2, per: 1d'),
      },
    ],
    [
      'another outcome',
      {
        card: limit('on: display, max: 5, per: day'),
        groups: limit('on: click, max: 2, per: day'),
      },
    ],
    [
      'a shorter time',
      {
        card: limit('on: display, max: 5, per: week'),
        groups: limit('on: display, max: 2, per: day'),
      },
    ],
    [
      'a month, which a week may leave',
      {
        card: limit('on: display, max: 5, per: week'),
        groups: limit('on: display, max: 4, per: month'),
      },
    ],
    [
      'a day of 25 hours',
      {
        card: limit('on: display, max: 5, per: day'),
        groups: limit('on: display, max: 4, per: 24h'),
      },
    ],
    [
      'a pause',
      {
        card: limit('on: dismiss, max: 2, per: 7d'),
        groups: limit('on: dismiss, max: 1, per: 7d, pause: 1d'),
      },
    ],
    [
      'another placement',
      {
        placements: `${mail}, hero: { channel: web, format: banner, fallback: {}, limits: [{ on: display, max: 2, per: day }] }`,
        card: limit('on: display, max: 5, per: day'),
      },
    ],
    [
      'caps of each item',
      {
        card: limit('on: display, max: 2, per: day'),
        placements: `hero: { channel: web, format: banner, fallback: {}, limits: [{ on: display, max: 9, per: day }] }`,
        offers: `tents: { from: tents, match: item.size == 3, ${limit('on: display, max: 2, per: day')}, treatments: { banner: {} } }`,
      },
    ],
    [
      'an offer without a cap',
      {
        card: limit('on: display, max: 2, per: day'),
        placements: `hero: { channel: web, format: banner, fallback: {}, limits: [{ on: display, max: 6, per: day }] }`,
        offers: 'boots: { treatments: { banner: {} } }',
      },
    ],
    [
      'exactly as much as its offers allow',
      {
        card: limit('on: display, max: 2, per: day'),
        placements: `hero: { channel: web, format: banner, fallback: {}, limits: [{ on: display, max: 5, per: day }] }`,
        offers:
          'boots: { limits: [{ on: display, max: 3, per: day }], treatments: { banner: {} } }',
      },
    ],
    [
      'clicks, which come as they like',
      {
        card: limit('on: click, max: 2, per: day'),
        placements: `hero: { channel: web, format: banner, fallback: {}, limits: [{ on: click, max: 6, per: day }] }`,
        offers: `boots: { ${limit('on: click, max: 2, per: day')}, treatments: { banner: {} } }`,
      },
    ],
  ])('is not told for %s', (_what, parts: Parts) => {
    expect(warned(parts)).toEqual([])
  })
})

describe('a name that nothing refers to', () => {
  it('is told of facts and traits', () => {
    expect(warned({ facts: 'rich: traits.age > 9', traits: 'shoe: { type: int }' })).toEqual([
      'traits.shoe: nothing reads this trait',
      'facts.rich: no rule uses this fact',
    ])
  })

  it.each([
    [
      'in another fact',
      { facts: 'rich: traits.age > 9, richer: rich && traits.vip', card: 'when: richer' },
    ],
    [
      'in content',
      {
        traits: 'shoe: { type: int }',
        offers: `b: { treatments: { banner: { title: "Size \${traits.shoe}" } } }`,
      },
    ],
    ['by the system', { traits: 'zone: { type: string }' }],
  ])('is not told where it is used %s', (_what, parts: Parts) => {
    expect(warned(parts)).toEqual([])
  })
})

describe('a playbook that is as its author means it', () => {
  const reference = `${process.env.HALFSECOND_REFERENCE ?? '/nowhere'}/examples/playbook.yaml`
  const files = ['../../../playbooks/fernhill.yaml', '../../../../loadtest/playbook.yaml']

  it.each(files)('gives no warning: %s', (file) => {
    const text = readFileSync(new URL(file, import.meta.url), 'utf8')

    expect(warningsOf(readPlaybook(text))).toEqual([])
  })

  it.skipIf(!existsSync(reference))('gives no warning: the reference', () => {
    expect(warningsOf(readPlaybook(readFileSync(reference, 'utf8')))).toEqual([])
  })

  it('has its warnings where they belong', () => {
    const text = `playbook: shop
events: { page: {} }
placements: { hero: { channel: web, format: banner, fallback: {} } }
offers:
  card:
    when: count("page", "1h") < 0
    treatments: { banner: {} }
`
    expect(warningsOf(readPlaybook(text))).toMatchObject([{ line: 6, column: 11 }])
  })
})
