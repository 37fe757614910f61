import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Catalogue,
  CatalogueFiller,
  type Item,
} from '../../../src/core/catalogue/catalogue.ts'
import { consideredMax, type Match, Selection } from '../../../src/core/catalogue/selection.ts'
import type { Scope } from '../../../src/core/condition/compile.ts'
import { FeatureSet } from '../../../src/core/features/feature-set.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { calendar } from '../decision/person.ts'

const scope: Scope = {
  traits: null,
  features: new FeatureState(new FeatureSet([], new Map(), new Map())),
  now: 0,
  channel: 'web',
  placement: 'hero',
  calendar,
  zone: 'UTC',
  item: null,
  fact: () => undefined,
  arm: () => undefined,
}

function catalogueOf(items: readonly Item[]): Catalogue {
  const filler = new CatalogueFiller()
  for (const item of items) filler.add(item)
  return filler.finish()
}

function is(field: string, value: string | readonly string[] | undefined): Match {
  return { field, value: () => value }
}

const priceOf = ({ values }: Item) => Number(values.price)

const item = fc.record({
  category: fc.constantFrom('boots', 'coats', 'hats'),
  tags: fc.uniqueArray(fc.constantFrom('new', 'sale', 'wool'), { maxLength: 3 }),
  price: fc.integer({ min: 1, max: 5 }),
})

describe('a selection', () => {
  it('is what a look at every item would find, in the order of worth, then of ids', () => {
    const wanted = fc.option(fc.constantFrom('boots', 'coats', 'none'), { nil: undefined })
    const tags = fc.uniqueArray(fc.constantFrom('new', 'sale', 'none'), { maxLength: 2 })
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), wanted, tags, (values, category, tagged) => {
        const items = values.map((one, index) => ({ id: `i${index}`, values: one }))
        const matches = [is('category', category), is('tags', tagged)]

        const found = new Selection(catalogueOf(items), matches, priceOf).of(scope)

        const expected = items
          .filter(({ values }) => values.category === category)
          .filter(({ values }) => values.tags.some((tag) => tagged.some((one) => one === tag)))
          .sort((a, b) => b.values.price - a.values.price || (a.id < b.id ? -1 : 1))
        expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
      }),
    )
  })

  it('has the items that are worth most, and no more than a decision considers', () => {
    const items = Array.from({ length: 1_000 }, (_, index) => ({
      id: `i${index}`,
      values: { category: 'boots', price: index },
    }))

    const found = new Selection(catalogueOf(items), [is('category', 'boots')], priceOf).of(scope)

    expect(found).toHaveLength(consideredMax)
    expect(found[0]?.id).toBe('i999')
    expect(found.at(-1)?.id).toBe(`i${1_000 - consideredMax}`)
  })

  it('is empty where what is to match is unknown', () => {
    const items = [{ id: 'a', values: { category: 'boots', price: 1 } }]

    expect(
      new Selection(catalogueOf(items), [is('category', undefined)], priceOf).of(scope),
    ).toEqual([])
  })
})
