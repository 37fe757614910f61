import { encode, fnv1a32 } from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Digest } from '../../../src/core/digest.ts'
import { Arena } from '../../../src/core/fragment/arena.ts'
import { OpenChunk } from '../../../src/core/fragment/open-chunk.ts'
import { anon, event, start } from '../../support/records.ts'

const key = anon(1)

function insert(chunk: OpenChunk, arena: Arena, id: string, at: number, padding: number): void {
  const bytes = encode(event(key, id, at, { padding: 'x'.repeat(padding) }))
  chunk.insert(arena, at, fnv1a32(id), id, bytes, 0, bytes.length, new Digest())
}

function has(chunk: OpenChunk, arena: Arena, id: string): boolean {
  return chunk.timeOf(arena, fnv1a32(id), id) !== undefined
}

const move = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('insert' as const),
      at: fc.nat(20),
      padding: fc.oneof(fc.nat(60), fc.nat(8_000)),
    }),
  },
  fc.record({ do: fc.constant('remove' as const), count: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ do: fc.constant('reload' as const) }),
)

test('a chunk knows exactly the entries that it holds, in order, however it grew', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 150 }), (moves) => {
      const arena = new Arena()
      let chunk = new OpenChunk()
      let model: { readonly id: string; readonly at: number }[] = []
      for (const [i, one] of moves.entries()) {
        const id = `e${100 + i}`
        if (one.do === 'insert' && chunk.fits(one.padding + 200)) {
          insert(chunk, arena, id, start + one.at, one.padding)
          model.push({ id, at: start + one.at })
          model.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
        } else if (one.do === 'remove' && model.length > 0) {
          const count = Math.min(one.count, model.length)
          chunk.removeOldest(arena, count)
          model = model.slice(count)
        } else if (one.do === 'reload') {
          const row = chunk.bytes(arena).slice()
          chunk.release(arena)
          chunk = new OpenChunk()
          chunk.load(arena, row)
        }
      }

      const entries = chunk.entries(arena).map(({ at, record }) => ({ id: record.id, at }))
      expect(entries).toEqual(model)
      expect(chunk.count).toBe(model.length)
      expect(chunk.lastAt).toBe(model.at(-1)?.at ?? -1)
      const held = new Set(model.map(({ id }) => id))
      for (let i = 0; i < moves.length; i++)
        expect(has(chunk, arena, `e${100 + i}`)).toBe(held.has(`e${100 + i}`))
    }),
    { numRuns: 60 },
  )
})

test('another identity of the same hash is not taken for an entry', () => {
  const arena = new Arena()
  const chunk = new OpenChunk()
  const bytes = encode(event(key, 'a', start))

  chunk.insert(arena, start, 0xffffffff, 'a', bytes, 0, bytes.length, new Digest())

  expect(chunk.timeOf(arena, 0xffffffff, 'a')).toBe(start)
  expect(chunk.timeOf(arena, 0xffffffff, 'b')).toBeUndefined()
})
