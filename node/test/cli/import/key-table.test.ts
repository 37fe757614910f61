import { parseIdentifier } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyTable } from '../../../src/cli/import/key-table.ts'

const entry = fc.tuple(
  fc.integer({ min: 0, max: 3_000 }),
  fc.subarray(['tier', 'age', 'city', 'a,b', '"']),
)

describe('the keys of a file', () => {
  it('have the traits of all their rows, and no other key has any', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4_000 }), (entries) => {
        const table = new KeyTable()
        const expected = new Map<number, Set<string>>()
        for (const [number, traits] of entries) {
          table.add(parseIdentifier(`crm:c${number}`), traits)
          expected.set(number, new Set([...(expected.get(number) ?? []), ...traits]))
        }

        expect(table.size).toBe(expected.size)
        for (const [number, traits] of expected)
          expect(table.traits(parseIdentifier(`crm:c${number}`))).toEqual(traits)
        expect(table.traits(parseIdentifier('crm:other'))).toBeUndefined()
      }),
      { numRuns: 30 },
    )
  })
})
