import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Digest, hash64Hex } from '../../src/core/digest.ts'

/** Made by the reference implementation: MurmurHash3_x86_128, seed 0, words h2 and h1. */
const ofTexts: readonly [string, string][] = [
  ['', '0000000000000000'],
  ['a', '5556b01ba794933c'],
  ['hello', 'db91def72b2444a0'],
  ['The quick brown fox jumps over the lazy dog', 'ecee2c672f1583c3'],
  ['I will not buy this record, it is scratched.', '25ac5e40a0a9683b'],
]

/** Of the bytes (37 i + n) mod 256 for i < n: every length of an unfinished block. */
const ofLengths: readonly [number, string][] = [
  [1, '84f1d1ddda3dd3f0'],
  [2, '451a8bac7bce8ba2'],
  [3, 'a25ba9950cde53fd'],
  [4, 'd90d747dc4f1b222'],
  [5, '3950e85d787809e2'],
  [7, '2745f469b21cccb4'],
  [8, '677ac8a3411ac8d1'],
  [9, 'd1e4d81d7d74c509'],
  [11, '02ff2c68b7d8ddb0'],
  [12, '1af5290d0b0bcae6'],
  [13, '070881445292628c'],
  [15, '2ab5b34a2b2b0933'],
  [16, '7ec50bc49a223e12'],
  [17, '7cdb92ce258b7bd5'],
  [31, '5996a6f5e0dcd740'],
  [32, '19b91ee64ff8731e'],
  [33, '8a8a3ef096b9cf9e'],
  [255, '621061a2e7065edf'],
]

test('hash64 is the first half of MurmurHash3-x86-128', () => {
  for (const [text, hash] of ofTexts) expect(hash64Hex(Buffer.from(text))).toBe(hash)
  for (const [length, hash] of ofLengths) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 37 + length)
    expect(hash64Hex(bytes), `${length} bytes`).toBe(hash)
  }
})

test('hash64 of a range reads nothing around it', () => {
  const bytes = Buffer.from('>>>hello<<<')

  expect(hash64Hex(bytes, 3, 8)).toBe('db91def72b2444a0')
})

test('the digest is the sum of the hashes modulo 2^64', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (facts) => {
      const digest = new Digest()
      for (const fact of facts) digest.add(fact, 0, fact.length)

      const sum = facts.reduce((total, fact) => total + BigInt(`0x${hash64Hex(fact)}`), 0n)
      expect(digest.toString()).toBe((sum % 2n ** 64n).toString(16).padStart(16, '0'))
    }),
  )
})

test('the digest does not depend on order, and what is taken away leaves no trace', () => {
  const fact = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(fc.array(fact), fc.array(fact), (kept, removed) => {
      const plain = new Digest()
      for (const one of kept) plain.add(one, 0, one.length)

      const busy = new Digest()
      for (const one of removed) busy.add(one, 0, one.length)
      for (const one of kept.toReversed()) busy.add(one, 0, one.length)
      for (const one of removed) busy.remove(one, 0, one.length)

      expect(busy.toString()).toBe(plain.toString())
    }),
  )
})

test('the digest goes on from its text', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1 }), (facts) => {
      const whole = new Digest()
      let stored = new Digest()
      for (const fact of facts) {
        whole.add(fact, 0, fact.length)
        stored = Digest.from(stored.toString())
        stored.add(fact, 0, fact.length)
      }
      expect(stored.toString()).toBe(whole.toString())
    }),
  )
})
