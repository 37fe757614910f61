import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { noon, Person } from './person.ts'

const head = `
playbook: ranks
consent: { personalise: assumed }
events: { complaint: {} }
traits: { basket: { type: double }, size: { type: double }, calm: { type: bool } }
facts: { complaining: 'count("complaint", "1d") > 0' }
groups: { service: { weight: 2 }, sales: {} }
`
const hero = '  hero: { channel: web, format: banner, fallback: {} }'
const banner = 'treatments: { banner: {} }'

function person(offers: string, rest = '', placements = hero): Person {
  return new Person(
    compilePlaybook(`${head}\n${rest}\nplacements:\n${placements}\noffers:\n${offers}`),
  )
}

describe('a context', () => {
  const offers = `  help: { group: service, value: 2, ${banner} }
  card: { group: sales, value: 10, ${banner} }
  boots: { value: 3, ${banner} }`
  const context = `context:
  - { when: complaining, group: service, times: 3 }
  - { when: complaining, group: sales, times: 0.2 }
  - { when: complaining, offer: boots, times: 2 }`

  it('lifts and sinks the offers that it is about while its condition holds', () => {
    const visitor = person(offers, context, hero.replace('format', 'count: 3, format'))

    expect(visitor.shown('hero')).toEqual(['card', 'help', 'boots'])
    visitor.fold(visitor.event('complaint'))
    expect(visitor.shown('hero')).toEqual(['help', 'boots', 'card'])
  })

  it('has no effect where its condition is unknown', () => {
    const visitor = person(offers, 'context: [{ when: traits.calm, offer: boots, times: 9 }]')

    expect(visitor.shown('hero')).toEqual(['card'])
    expect(visitor.fold(visitor.traits({ calm: true })).shown('hero')).toEqual(['boots'])
  })

  it('multiplies with others that hold', () => {
    const visitor = person(
      offers,
      'context: [{ when: complaining, offer: boots, times: 2 }, { when: complaining, offer: boots, times: 2 }]',
    )

    visitor.fold(visitor.event('complaint'))

    expect(visitor.explain(['hero'])[0]?.candidates[0]).toMatchObject({
      offer: 'boots',
      reason:
        'always admitted; priority 0, score 12 = value 3 × weight 1 × context 4 as complaining, complaining',
    })
  })

  it('does not put an offer before one of a greater priority', () => {
    const visitor = person(
      `  a: { priority: 1, value: 1, ${banner} }\n  b: { value: 1, ${banner} }`,
      'context: [{ when: complaining, offer: b, times: 1000 }]',
    )

    expect(visitor.fold(visitor.event('complaint')).shown('hero')).toEqual(['a'])
  })
})

describe('a value', () => {
  it('may be computed of what is known of the visitor', () => {
    const visitor = person(
      `  a: { value: traits.basket * 0.1, ${banner} }\n  b: { value: 5, ${banner} }`,
    )

    expect(visitor.fold(visitor.traits({ basket: 40 })).shown('hero')).toEqual(['b'])
    expect(visitor.fold(visitor.traits({ basket: 60 })).shown('hero')).toEqual(['a'])
  })

  it.each([
    ['unknown', 'traits.basket'],
    ['divided by nothing', '1 / (traits.size - traits.size)'],
    ['below zero', '0 - traits.size'],
  ])('counts as 0 where it is %s', (_name, value) => {
    const visitor = person(
      `  a: { value: "${value}", ${banner} }\n  b: { value: 0.001, ${banner} }`,
      '',
      hero.replace('format', 'count: 2, format'),
    )

    visitor.fold(visitor.traits({ size: 7 }))

    expect(visitor.shown('hero')).toEqual(['b', 'a'])
    expect(visitor.explain(['hero'])[0]?.candidates[1]?.reason).toContain('score 0 = value 0 ×')
  })
})

describe('a formula', () => {
  const offers = `  a: { group: service, value: 2, ${banner} }\n  b: { value: 3, ${banner} }`

  it('stands in for the product, at the top for all placements and at a placement for it', () => {
    const visitor = person(
      offers,
      'rank: value',
      `${hero}\n  side: { channel: web, format: banner, fallback: {}, rank: weight }`,
    )

    expect(visitor.shown('hero')).toEqual(['b'])
    expect(visitor.shown('side')).toEqual(['a'])
  })

  it('reads propensity, context, value, weight and priority, and all that conditions read', () => {
    const visitor = person(
      offers,
      `context: [{ when: complaining, offer: a, times: 3 }]
rank: "traits.size > 1 ? value : propensity * context * weight + priority"`,
    )

    expect(visitor.fold(visitor.traits({ size: 2 })).shown('hero')).toEqual(['b'])
    visitor.fold(visitor.traits({ size: 0 }, noon + 1), visitor.event('complaint'))
    expect(visitor.explain(['hero'], noon + 1)[0]?.candidates.map(({ reason }) => reason)).toEqual([
      'always admitted; priority 0, score 6 = traits.size > 1 ? value : propensity * context * weight + priority (value 2, weight 2, context 3 as complaining)',
      'always admitted; priority 0, score 1 = traits.size > 1 ? value : propensity * context * weight + priority (value 3, weight 1, context 1), behind a (priority 0, score 6)',
    ])
  })

  it('that comes to nothing leaves the order to the names', () => {
    const visitor = person(offers, 'rank: traits.basket * value')

    expect(visitor.shown('hero')).toEqual(['a'])
  })

  it('is the product, if it says so', () => {
    const product = 'rank: propensity * context * value * weight'

    expect(person(offers, product).shown('hero')).toEqual(person(offers).shown('hero'))
  })
})

interface OfferUnderTest {
  readonly priority: number
  readonly value: number
  readonly isComputed: boolean
  readonly times: number | undefined
  readonly isAllowed: boolean
}

const number = fc.constantFrom(0, 0.1, 0.3, 1, 1.5, 3, 7)
const offersUnderTest: fc.Arbitrary<OfferUnderTest[]> = fc.array(
  fc.record({
    priority: fc.constantFrom(0, 0, 1),
    value: number,
    isComputed: fc.boolean(),
    times: fc.option(number, { nil: undefined }),
    isAllowed: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
)

describe('whatever the scores are made of', () => {
  it('the best that are allowed are shown, in the order of priority, score and name', () => {
    const cases = fc.record({
      offers: offersUnderTest,
      count: fc.integer({ min: 1, max: 5 }),
      rank: fc.constantFrom(undefined, 'context * value', '10.0 - value'),
      isComplaining: fc.boolean(),
    })
    fc.assert(
      fc.property(cases, ({ offers, count, rank, isComplaining }) => {
        const contexts = offers.flatMap(({ times }, i) =>
          times === undefined ? [] : [{ when: 'complaining', offer: `o${i}`, times }],
        )
        const playbook = compilePlaybook(
          JSON.stringify({
            playbook: 'p',
            consent: { personalise: 'assumed' },
            events: { complaint: {} },
            traits: { unit: { type: 'double', default: 1 } },
            facts: { complaining: 'count("complaint", "1d") > 0' },
            placements: { hero: { channel: 'web', format: 'banner', count, fallback: {} } },
            context: contexts,
            ...(rank !== undefined && { rank }),
            offers: Object.fromEntries(
              offers.map(({ priority, value, isComputed, isAllowed }, i) => [
                `o${i}`,
                {
                  priority,
                  value: isComputed ? `${value} * traits.unit` : value,
                  when: isAllowed ? 'true' : 'false',
                  treatments: { banner: {} },
                },
              ]),
            ),
          }),
        )
        const visitor = new Person(playbook)
        if (isComplaining) visitor.fold(visitor.event('complaint'))

        const shown = visitor.shown('hero')

        const best = offers
          .map((one, i) => {
            const context = isComplaining ? (one.times ?? 1) : 1
            const score = rank?.startsWith('10') ? 10 - one.value : context * one.value
            return { ...one, name: `o${i}`, score }
          })
          .filter(({ isAllowed }) => isAllowed)
          .sort(
            (a, b) => b.priority - a.priority || b.score - a.score || (a.name < b.name ? -1 : 1),
          )
          .slice(0, count)
          .map(({ name }) => name)
        expect(shown).toEqual(best.length === 0 ? ['fallback'] : best)
      }),
      { numRuns: 500 },
    )
  })

  it('asking why changes no choice, and tells every candidate in the order of its score', () => {
    const offers = Array.from(
      { length: 9 },
      (_, i) =>
        `  o${i}: { group: ${i % 2 ? 'sales' : 'service'}, value: "${(i * 5) % 7} * traits.size", ${banner}, limits: [{ on: display, max: 1, per: day, across: group }] }`,
    ).join('\n')
    const visitor = person(offers, '', hero.replace('format', 'count: 3, format'))
    visitor.fold(visitor.traits({ size: 2 }))

    const [explanation] = visitor.explain(['hero'])

    expect(explanation?.shown.map(({ offer }) => offer)).toEqual(visitor.shown('hero'))
    expect(visitor.shown('hero')).toEqual(['o4', 'o1'])
    expect(explanation?.candidates.map(({ offer, verdict }) => `${offer} ${verdict}`)).toEqual([
      'o4 chosen',
      'o8 limit',
      'o2 limit',
      'o1 chosen',
      'o5 limit',
      'o6 limit',
      'o3 limit',
      'o0 limit',
      'o7 limit',
    ])
  })
})
