import { describe, expect, it } from 'vitest'
import {
  type Catalogue,
  CatalogueFiller,
  type Item,
} from '../../../src/core/catalogue/catalogue.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { dayMs, noon, Person } from './person.ts'

const text = `
playbook: shop
consent: { personalise: assumed }
events:
  viewed: { category: string }
traits:
  size: { type: string }
catalogues:
  shop:
    fields: { category: string, price: double, title: string, sizes: list(string), stock: bool }
facts:
  poor: count("viewed", "1d") > 5
context: [{ when: poor, offer: cheap, times: 1000 }]
groups:
  sales: { limits: [{ on: display, max: 3, per: day, across: group }] }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome } }
  list: { channel: web, format: banner, count: 3, fallback: { title: Welcome } }
offers:
  again:
    group: sales
    from: shop
    match: item.category == favourite("viewed", "category", "30d") && traits.size in item.sizes
    when: item.stock
    value: item.price
    limits: [{ on: display, max: 1, per: 1d }, { on: dismiss, max: 2, per: 7d, pause: 7d }]
    treatments: { banner: { title: "\${item.title}", price: "\${item.price}" } }
  cheap: { value: 45, treatments: { banner: { title: Bargains } } }
`

function boot(id: string, price: number, rest: Partial<Item['values']> = {}): Item {
  const values = { category: 'boots', price, title: `Boot ${id}`, sizes: ['40', '41'], stock: true }
  return { id, values: { ...values, ...rest } }
}

function shop(items: readonly Item[]): Catalogue {
  const filler = new CatalogueFiller()
  for (const item of items) filler.add(item)
  return filler.finish()
}

const items = [
  boot('a', 90),
  boot('b', 80),
  boot('c', 70),
  boot('gone', 200, { stock: false }),
  boot('large', 100, { sizes: ['46'] }),
  boot('coat', 300, { category: 'coats' }),
  boot('low', 10),
]

function visitor(catalogue = shop(items)): Person {
  const person = new Person(compilePlaybook(text, new Map([['shop', catalogue]])))
  person.fold(person.traits({ size: '40' }, noon - dayMs))
  person.fold(person.event('viewed', { category: 'boots' }, noon - 1_000))
  return person
}

describe('offers that are made of a catalogue', () => {
  it('are its items that match the person, each with its own content and value', () => {
    const [choice] = visitor().decide(['hero'])

    expect(choice?.propositions).toEqual([
      { offer: 'again/a', treatment: 'banner', content: { title: 'Boot a', price: '90' } },
    ])
    expect(visitor().shown('list')).toEqual(['again/a', 'again/b', 'again/c'])
  })

  it('stand among all others in the order of their scores', () => {
    const person = visitor(shop([boot('a', 90), boot('low', 10)]))

    expect(person.shown('list')).toEqual(['again/a', 'cheap', 'again/low'])
    for (let i = 0; i < 6; i++) person.fold(person.event('viewed', { category: 'boots' }, noon - i))
    expect(person.shown('hero')).toEqual(['cheap'])
  })

  it('are none for whom nothing is known to match', () => {
    const person = new Person(compilePlaybook(text, new Map([['shop', shop(items)]])))

    expect(person.shown('hero')).toEqual(['cheap'])
  })

  it('have limits of their own, each item by itself, and those of their group together', () => {
    const person = visitor()
    person.fold(person.outcome('display', 'again/a', 'hero', noon - 5_000))

    expect(person.shown('list')).toEqual(['again/b', 'again/c', 'cheap'])
    person.fold(person.outcome('display', 'again/b', 'hero', noon - 4_000))
    person.fold(person.outcome('display', 'again/c', 'hero', noon - 3_000))
    expect(person.shown('list')).toEqual(['cheap'])
  })

  it('pause one item where a limit says so', () => {
    const person = visitor()
    person.fold(person.outcome('dismiss', 'again/a', 'hero', noon - 2 * dayMs))
    expect(person.shown('hero')).toEqual(['again/a'])
    person.fold(person.outcome('dismiss', 'again/a', 'hero', noon - dayMs))

    expect(person.shown('hero')).toEqual(['again/b'])
    expect(person.shown('hero', noon + 7 * dayMs)[0]).not.toBe('again/b')
  })

  it('are retired one by one when they are accepted', () => {
    const person = visitor()
    person.fold(person.outcome('accept', 'again/a', 'hero', noon - 100 * dayMs))

    expect(person.shown('list')).toEqual(['again/b', 'again/c', 'cheap'])
  })

  it('count where they were given a moment ago, each item by itself', () => {
    const exposures = [{ placement: 'hero', offer: 'again/b' }]

    const [choice] = visitor().decide(['list'], noon, [], undefined, exposures)

    expect(choice?.propositions.map(({ offer }) => offer)).toEqual(['again/a', 'again/c', 'cheap'])
  })

  it('are explained by what the item is', () => {
    const [explanation] = visitor().explain(['hero'])
    const told = new Map(explanation?.candidates.map(({ offer, reason }) => [offer, reason]))

    expect(told.get('again/gone')).toContain('item.stock is false')
    expect(told.get('again/a')).toContain('score 90')
    expect(told.has('again/large')).toBe(false)
  })
})

describe('without a version', () => {
  it('a catalogue has the examples of the playbook', () => {
    const examples = text.replace(
      '    fields:',
      `    examples: [{ id: x, category: boots, price: 50, title: Example, sizes: ["40"], stock: true }]
    fields:`,
    )
    const person = new Person(compilePlaybook(examples))
    person.fold(person.traits({ size: '40' }, noon - dayMs))
    person.fold(person.event('viewed', { category: 'boots' }, noon - 1_000))

    expect(person.shown('hero')).toEqual(['again/x'])
  })
})

describe('a template', () => {
  const faulty = (from: string, to: string) => () => compilePlaybook(text.replace(from, to))

  it.each([
    [
      'match: item.category',
      'match: item.catgory',
      'items have no field "catgory"; did you mean "category"?',
    ],
    ['match: item.category ==', 'match: item.price >', 'a match compares a field of the item'],
    ['from: shop', 'from: shp', 'no catalogue "shp"; did you mean "shop"?'],
    ['value: item.price', 'value: item.price * count("viewed", "1d")', 'is no field of the item'],
    ['when: item.stock', 'when: item.stok', 'items have no field "stok"; did you mean "stock"?'],
    ['traits.size in item.sizes', 'traits.size == item.sizes', 'write … in item.sizes'],
    [
      '  cheap: { value: 45,',
      '  again/x: { value: 45,',
      'names like this are of the items of again',
    ],
    ['  cheap: { value: 45,', '  cheap: { when: item.stock,', 'there is an item only in an offer'],
    ['\n    match:', '\n    never:', '"match" is missing'],
  ])('is refused with %s → %s', (from, to, message) => {
    expect(faulty(from, to)).toThrow(message)
  })
})
