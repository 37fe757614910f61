import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CopiedRows } from '../../src/store/copied-rows.ts'

test('copies of rows stay what they were, whatever is copied after them', () => {
  const large = Buffer.alloc(300_000, 7)
  const rows = fc.array(fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fc.constant(large)), {
    maxLength: 300,
  })

  fc.assert(
    fc.property(rows, (all) => {
      const copied = new CopiedRows()
      const lent = Buffer.alloc(large.length)

      const copies = all.map((row) => {
        lent.set(row)
        return copied.copy(lent.subarray(0, row.length))
      })

      expect(copies.every((copy, i) => copy.equals(all[i] ?? large))).toBe(true)
    }),
    { numRuns: 30 },
  )
})

test('copies of small rows share a block of memory', () => {
  const copied = new CopiedRows()

  const copies = Array.from({ length: 1_000 }, () => copied.copy(Buffer.alloc(500)))

  expect(new Set(copies.map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(2)
})
