import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fnv1a32, shardOf } from '../src/partition.ts'

/** The definition, over bytes. */
function byDefinition(bytes: Uint8Array): number {
  let hash = 2_166_136_261n
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 16_777_619n) & 0xffffffffn
  return Number(hash)
}

describe('the partition function', () => {
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foobar', 0xbf9cf968],
    ['chongo was here!\n', 0xd49930d5],
  ])('gives the published value of FNV-1a for %j', (text, hash) => {
    expect(fnv1a32(text)).toBe(hash)
  })

  it('agrees with the NATS server about visitor42 of 64', () => {
    expect(shardOf('visitor42', 64)).toBe(7)
  })

  it('hashes the UTF-8 bytes of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(fnv1a32(text)).toBe(byDefinition(Buffer.from(text)))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is the remainder of the hash, for every power of two', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 8 }), (text, power) => {
        expect(shardOf(text, 2 ** power)).toBe(fnv1a32(text) % 2 ** power)
      }),
    )
  })

  it('spreads identifiers evenly', () => {
    const counts = new Array<number>(64).fill(0)
    for (let i = 0; i < 64_000; i++) {
      const shard = shardOf(`anon:visitor-${i}`, 64)
      counts[shard] = (counts[shard] ?? 0) + 1
    }
    expect(Math.min(...counts)).toBeGreaterThan(800)
    expect(Math.max(...counts)).toBeLessThan(1_200)
  })
})
