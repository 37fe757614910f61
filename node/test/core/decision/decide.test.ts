import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { dayMs, hourMs, noon, Person } from './person.ts'

const head = `
playbook: shop
consent: { personalise: assumed }
events: { page: { path: string } }
traits: { tier: { type: string }, manager: { type: string }, storeCard: { type: bool } }
placements:
  hero: { channel: web, format: banner, fallback: { title: Hello } }
  side: { channel: web, format: banner, fallback: { title: Aside } }
  duo:  { channel: call, format: banner, count: 2, fallback: { title: Hello } }
`

function person(offers: string, rest = ''): Person {
  return new Person(compilePlaybook(`${head}${rest}\noffers:\n${offers}`))
}

const banner = 'treatments: { banner: {} }'

describe('ranking', () => {
  it('puts priority before score, score before name', () => {
    const visitor = person(
      `  d: { value: 1, ${banner} }
  c: { value: 1, ${banner} }
  b: { value: 9, ${banner} }
  a: { priority: 1, value: 0, ${banner} }`,
    )

    const trace = visitor.explain(['hero'])[0]?.candidates.map(({ offer }) => offer)

    expect(trace).toEqual(['a', 'b', 'c', 'd'])
    expect(visitor.shown('hero')).toEqual(['a'])
  })

  it('multiplies the value by the weight of the group', () => {
    const visitor = person(
      `  a: { value: 5, ${banner} }\n  b: { value: 2, group: g, ${banner} }`,
      'groups: { g: { weight: 3 } }',
    )

    expect(visitor.shown('hero')).toEqual(['b'])
  })
})

describe('several at once', () => {
  it('fills as many as the placement shows, best first', () => {
    const visitor = person(`  a: { ${banner} }\n  b: { value: 2, ${banner} }\n  c: { ${banner} }`)

    expect(visitor.shown('duo')).toEqual(['b', 'a'])
  })

  it('shows fewer where fewer fit, and the default content once where none does', () => {
    const visitor = person(`  a: { when: traits.tier == "gold", ${banner} }`)

    expect(visitor.shown('duo')).toEqual(['fallback'])
    expect(visitor.fold(visitor.traits({ tier: 'gold' })).shown('duo')).toEqual(['a'])
  })

  it('shows an offer once in an answer, at the placement that was asked for first', () => {
    const visitor = person(`  a: { value: 2, ${banner} }\n  b: { ${banner} }`)

    const offers = visitor
      .decide(['side', 'hero', 'duo'])
      .map(({ propositions }) => propositions.map(({ offer }) => offer))

    expect(offers).toEqual([['a'], ['b'], [undefined]])
  })
})

describe('what is unknown', () => {
  it('does not admit in when, whichever way the question is put', () => {
    const visitor = person(
      `  a: { when: traits.storeCard, ${banner} }\n  b: { when: "!traits.storeCard", ${banner} }`,
    )

    expect(visitor.shown('hero')).toEqual(['fallback'])
    expect(visitor.fold(visitor.traits({ storeCard: false })).shown('hero')).toEqual(['b'])
  })

  it('excludes in never, of the offer and of its group', () => {
    const own = person(`  a: { never: traits.storeCard, ${banner} }`)
    const grouped = person(
      `  a: { group: g, ${banner} }`,
      'groups: { g: { never: traits.storeCard } }',
    )

    for (const visitor of [own, grouped]) {
      expect(visitor.shown('hero')).toEqual(['fallback'])
      expect(visitor.fold(visitor.traits({ storeCard: false }, noon)).shown('hero')).toEqual(['a'])
      expect(visitor.fold(visitor.traits({ storeCard: true }, noon + 1)).shown('hero')).toEqual([
        'fallback',
      ])
    }
  })

  it('takes a treatment away whose content it stands in, and the next offer follows', () => {
    const visitor = person(
      `  a: { value: 2, treatments: { banner: { title: "\${traits.manager} will call" } } }
  b: { ${banner} }`,
    )

    expect(visitor.shown('hero')).toEqual(['b'])
    const [choice] = visitor.fold(visitor.traits({ manager: 'Maya' })).decide(['hero'])
    expect(choice?.propositions).toEqual([
      { offer: 'a', treatment: 'banner', content: { title: 'Maya will call' } },
    ])
  })

  it('includes a trait of another type than declared', () => {
    const visitor = person(`  a: { when: traits.tier == "7", ${banner} }`)

    expect(visitor.fold(visitor.traits({ tier: 7 })).shown('hero')).toEqual(['fallback'])
  })
})

describe('consent', () => {
  it('is needed where the playbook does not assume it', () => {
    const text = `${head}\noffers:\n  a: { ${banner} }`.replace('assumed', 'required')
    const visitor = new Person(compilePlaybook(text))

    expect(visitor.shown('hero')).toEqual(['consent'])
    expect(visitor.fold(visitor.consent(true, noon)).shown('hero')).toEqual(['a'])
    expect(visitor.fold(visitor.consent(false, noon + 1)).shown('hero')).toEqual(['consent'])
  })

  it('is required by a playbook that says nothing', () => {
    const text = `${head}\noffers:\n  a: { ${banner} }`.replace(/consent:.*\n/, '')

    expect(new Person(compilePlaybook(text)).shown('hero')).toEqual(['consent'])
  })

  it('can be refused where it is assumed', () => {
    const visitor = person(`  a: { ${banner} }`)

    expect(visitor.shown('hero')).toEqual(['a'])
    expect(visitor.fold(visitor.consent(false)).shown('hero')).toEqual(['consent'])
  })

  it('counts from the moment it is given, before it is folded', () => {
    const visitor = person(`  a: { ${banner} }`)

    expect(visitor.shown('hero', noon, [visitor.consent(false)])).toEqual(['consent'])
  })
})

describe('after an outcome', () => {
  it('an accepted offer is gone everywhere, before it is folded and for ever', () => {
    const visitor = person(`  a: { ${banner} }`)
    const accepted = visitor.outcome('accept', 'a', 'duo')

    expect(visitor.shown('hero', noon, [accepted])).toEqual(['fallback'])
    visitor.fold(accepted)
    expect(visitor.shown('side', noon + 4_000 * dayMs)).toEqual(['fallback'])
  })

  it('an accepted offer pauses where its author says so', () => {
    const visitor = person(`  a: { accepted: { pause: 2h }, ${banner} }`)
    visitor.fold(visitor.outcome('accept', 'a', 'hero'))

    expect(visitor.shown('hero', noon + 2 * hourMs - 1)).toEqual(['fallback'])
    expect(visitor.shown('hero', noon + 2 * hourMs)).toEqual(['a'])
  })

  it('an accepted offer stays where its author allows it', () => {
    const visitor = person(`  a: { accepted: allow, rejected: allow, ${banner} }`)
    visitor.fold(visitor.outcome('accept', 'a', 'hero'), visitor.outcome('reject', 'a', 'hero'))

    expect(visitor.shown('hero')).toEqual(['a'])
  })

  it('a rejected offer pauses for 30 days, or as its author says', () => {
    const visitor = person(`  a: { value: 2, ${banner} }\n  b: { rejected: retire, ${banner} }`)
    visitor.fold(visitor.outcome('reject', 'a', 'hero'), visitor.outcome('reject', 'b', 'hero'))

    expect(visitor.shown('duo', noon + 30 * dayMs - 1)).toEqual(['fallback'])
    expect(visitor.shown('duo', noon + 30 * dayMs)).toEqual(['a'])
  })

  it('an unsubscribed offer never comes back, even where acceptance is allowed', () => {
    const visitor = person(`  a: { accepted: allow, ${banner} }`)
    visitor.fold(visitor.outcome('unsubscribe', 'a', 'hero'))

    expect(visitor.shown('side', noon + 4_000 * dayMs)).toEqual(['fallback'])
  })

  it('a second report of the same outcome changes nothing', () => {
    const visitor = person(`  a: { limits: [{ on: display, max: 2, per: day }], ${banner} }`)
    const display = visitor.outcome('display', 'a', 'hero')

    visitor.fold(display, { ...display, id: 'again' })

    expect(visitor.shown('hero', noon, [{ ...display, id: 'pending' }])).toEqual(['a'])
  })
})

describe('facts', () => {
  it('may ask where the content is shown', () => {
    const visitor = person(
      `  a: { when: onWeb, ${banner} }\n  b: { when: "!onWeb", ${banner} }`,
      'facts: { onWeb: channel == "web" }',
    )

    const offers = visitor
      .decide(['hero', 'duo'])
      .map(({ propositions }) => propositions.map(({ offer }) => offer))

    expect(offers).toEqual([['a'], ['b']])
  })

  it('see an event that is not folded yet', () => {
    const visitor = person(
      `  a: { when: help, ${banner} }`,
      'facts:\n  help: recent("page", "30m").exists(p, p.path.startsWith("/help"))',
    )
    const click = visitor.event('page', { path: '/help/fees' })

    expect(visitor.shown('hero', noon, [click])).toEqual(['a'])
    expect(visitor.shown('hero')).toEqual(['fallback'])
    expect(visitor.fold(click).shown('hero', noon + 30 * 60_000 - 1)).toEqual(['a'])
    expect(visitor.shown('hero', noon + 30 * 60_000)).toEqual(['fallback'])
  })
})
