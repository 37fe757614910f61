import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Arena, type Block, blockBytesMax } from '../../../src/core/fragment/arena.ts'

test('blocks never overlap and never cross a page, whatever is allocated and released', () => {
  const step = fc.record({
    bytes: fc.integer({ min: 1, max: blockBytesMax }),
    release: fc.nat(200),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const arena = new Arena()
      const held = new Map<Block, number>()
      for (const { bytes, release } of steps) {
        const block = arena.allocate(bytes)
        expect(held.has(block)).toBe(false)
        held.set(block, Arena.capacityFor(bytes))
        const old = [...held][release]
        if (old) {
          arena.release(...old)
          held.delete(old[0])
        }
      }
      let end = 0
      for (const [block, capacity] of [...held].sort(([a], [b]) => a - b)) {
        expect(block).toBeGreaterThanOrEqual(end)
        expect(arena.offset(block) + capacity).toBeLessThanOrEqual(arena.page(block).bytes.length)
        end = block + capacity
      }
      expect(arena.usedBytes).toBe([...held.values()].reduce((sum, one) => sum + one, 0))
    }),
    { numRuns: 40 },
  )
})

test('memory that is released is used again', () => {
  const arena = new Arena()
  for (let round = 0; round < 50; round++) {
    const blocks = Array.from({ length: 100 }, () => arena.allocate(20_000))
    for (const block of blocks) arena.release(block, Arena.capacityFor(20_000))
  }

  expect(arena.usedBytes).toBe(0)
  expect(arena.pageBytes).toBeLessThanOrEqual(4 * 1024 * 1024)
})
