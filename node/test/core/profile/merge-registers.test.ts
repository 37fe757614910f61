import { expect, test } from 'vitest'
import type { Register, TraitValue } from '../../../src/core/fragment/registers.ts'
import { mergeConsents, mergeTraits } from '../../../src/core/profile/merge-registers.ts'

function tier(value: TraitValue | undefined, at: number, id: string) {
  return new Map<string, Register<TraitValue>>([['tier', { value, at, id }]])
}

test('writes of one id at one time give the same trait in either order', () => {
  const gold = tier('gold', 5, 'r')
  const silver = tier('silver', 5, 'r')

  expect(mergeTraits([gold, silver])).toEqual(mergeTraits([silver, gold]))
})

test('a removal that is newer than a value elsewhere removes it', () => {
  const merged = mergeTraits([tier('gold', 5, 'a'), tier(undefined, 6, 'b'), null])

  expect(merged?.get('tier')).toEqual({ value: undefined, at: 6, id: 'b' })
})

test('merging changes none of the fragments, and shares the only one that has any', () => {
  const gold = tier('gold', 5, 'a')
  const mine = new Map([['name', { value: 'Ada', at: 1, id: 'c' }]])

  expect(mergeTraits([null, gold, new Map()])).toBe(gold)
  expect([...(mergeTraits([gold, mine])?.keys() ?? [])]).toEqual(['tier', 'name'])
  expect([...gold.keys(), ...mine.keys()]).toEqual(['tier', 'name'])
  expect(mergeTraits([null, null])).toBeNull()
})

test('a purpose that only one fragment was asked for is as that one answered', () => {
  const ads = new Map([['ads', { value: false, at: 1, id: 'a' }]])
  const mail = new Map([['mail', { value: true, at: 2, id: 'b' }]])

  const merged = mergeConsents([ads, mail])

  expect([...(merged ?? [])].map(([purpose, { value }]) => [purpose, value])).toEqual([
    ['ads', false],
    ['mail', true],
  ])
})
