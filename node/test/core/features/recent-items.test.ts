import { decodeTrusted, encode, type OutcomeRecord } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FeatureSet, offerOfItem } from '../../../src/core/features/feature-set.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { restoreFeatures } from '../../../src/core/features/stored-features.ts'
import { anon, start } from '../../support/records.ts'

const capacity = 6
const set = new FeatureSet(
  [
    {
      kind: 'sketch',
      form: 'recent-items',
      events: [],
      items: { outcome: 'display', template: 'again', reach: { max: 2, withinMs: 5 * 60_000 } },
      take: () => undefined,
      capacity,
      halfLifeMs: 0,
      text: 'display of items of again',
    },
    {
      kind: 'outcome',
      outcome: 'display',
      scope: 'group',
      of: 'sales',
      capacity: 100,
      text: 'display group sales',
    },
  ],
  new Map([['again', 'sales']]),
  new Map(),
)

interface Shown {
  readonly at: number
  readonly offer: string
}

const shown: fc.Arbitrary<Shown> = fc.record({
  at: fc.nat(40).map((minutes) => start + minutes * 60_000),
  offer: fc.constantFrom('again/a', 'again/b', 'other/a', 'again'),
})

function stateOf(displays: readonly Shown[]): FeatureState {
  const state = new FeatureState(set)
  displays.forEach(({ at, offer }, i) => {
    const record: OutcomeRecord = {
      kind: 'outcome',
      id: `r${i}`,
      key: anon(1),
      at,
      decision: `d${i}`,
      placement: 'hero',
      offer,
      treatment: 'banner',
      outcome: 'display',
    }
    state.update(at, record)
  })
  return state
}

function told(state: FeatureState, since: number): unknown[] {
  return ['again/a', 'again/b'].map((offer) => [
    state.itemCount(0, offer, since),
    state.itemLast(0, offer),
    state.itemLastReached(0, offer),
  ])
}

describe('outcomes of items', () => {
  test('are counted by item exactly, and are unknown beyond what is kept, never too few', () => {
    fc.assert(
      fc.property(fc.array(shown, { maxLength: 20 }), fc.nat(40), (displays, minutes) => {
        const since = start + minutes * 60_000
        const state = stateOf(displays)
        const kept = displays.filter(({ offer }) => offer.startsWith('again/'))

        for (const offer of ['again/a', 'again/b']) {
          const exact = kept.filter((one) => one.offer === offer && one.at > since).length
          const count = state.itemCount(0, offer, since)
          expect(count ?? exact).toBe(exact)
          if (kept.filter(({ at }) => at > since).length < capacity && kept.length < capacity)
            expect(count).toBe(exact)
        }
        expect(state.count(1, 0)).toBe(kept.length + displays.filter(isTemplate).length)
      }),
    )
  })

  test('are the same whatever their order, their fragments and their way through a copy', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(shown, fc.nat(2)), { maxLength: 20 }), (displays) => {
        const all = displays.map(([one]) => one)
        const whole = stateOf(all.toSorted((a, b) => a.at - b.at))
        const parts = [0, 1, 2].map((part) =>
          stateOf(displays.flatMap(([one, of]) => (of === part ? [one] : []))),
        )
        const merged = FeatureState.merged(set, parts, true)
        const stored = decodeTrusted(encode(whole.stored()))
        const restored = restoreFeatures(set, stored)

        const since = start + 20 * 60_000
        const expected = told(whole, since)
        expect(told(stateOf(all), since)).toEqual(expected)
        expect(told(merged, since)).toEqual(expected)
        expect(restored && told(restored, since)).toEqual(expected)
        expect(told(whole.copy(), since)).toEqual(expected)
      }),
    )
  })
})

function isTemplate({ offer }: Shown): boolean {
  return offer === 'again'
}

test('an offer made of an item is named after both', () => {
  expect(offerOfItem('again', 'sku-1')).toBe('again/sku-1')
})
