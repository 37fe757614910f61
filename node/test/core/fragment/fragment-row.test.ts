import { encode } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { AssertionError } from '../../../src/core/assert.ts'
import { Arena } from '../../../src/core/fragment/arena.ts'
import { decodeFragment, identifierInRow } from '../../../src/core/fragment/fragment-row.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { anon, batch, event, start } from '../../support/records.ts'
import { rowOf } from '../../support/row-of.ts'

const key = anon('ключ 😀')

function rowIn(shard: BareShard): Uint8Array {
  return rowOf(shard.activate(key), shard.arena)
}

test('a row names its identifier', () => {
  const shard = new BareShard()
  shard.take(batch('p', 1, [event(key, 'a', start)]), start)

  expect(identifierInRow(rowIn(shard))).toBe(key)
})

test('a row read back writes the same row', () => {
  const shard = new BareShard()
  const records = [
    ...Array.from({ length: 70 }, (_, i) => event(key, `e${i}`, start + i, { i })),
    { kind: 'traits', id: 't', key, at: start, set: { tier: 'gold', tags: ['a'] }, unset: ['b'] },
    { kind: 'consent', id: 'c', key, at: start, purpose: 'ads', granted: false, channel: 'web' },
    { kind: 'link', id: 'l', key, at: start, to: anon(9), strength: 'asserted', source: 'crm' },
  ] as const
  shard.take(batch('p', 1, records), start + 100)
  const row = rowIn(shard)

  // A store gives rows as views into larger buffers.
  const view = Buffer.concat([Buffer.from('before'), row, Buffer.from('')]).subarray(6)
  const arena = new Arena()
  const fragment = decodeFragment(key, view, arena, null)

  expect(rowOf(fragment, arena)).toEqual(row)
})

test('a row of another identifier, of another version or in pieces is refused', () => {
  const shard = new BareShard()
  shard.take(batch('p', 1, [event(key, 'a', start)]), start)
  const row = rowIn(shard)
  const read = (bytes: Uint8Array, identifier = key) =>
    decodeFragment(identifier, bytes, new Arena(), null)

  expect(() => read(row, anon(2))).toThrow(AssertionError)
  expect(() => read(Uint8Array.from(row, (byte, i) => (i === 0 ? 9 : byte)))).toThrow(
    AssertionError,
  )
  const head = encode([key, 1, 0, null, 'traits'])
  const half = new Uint8Array(5 + head.length)
  half[0] = 1
  half[1] = head.length
  half.set(head, 5)
  expect(() => read(half)).toThrow(AssertionError)
})
