import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBatch } from '../src/batch.ts'
import { bounds } from '../src/bounds.ts'
import { decode, encode } from '../src/codec.ts'
import { HalfsecondError } from '../src/errors.ts'
import { guard, Spans } from '../src/guard.ts'
import { record, text, thrownBy, value } from './arbitraries.ts'
import { readPlain, toPlain } from './plain-msgpack.ts'

/** Refused with an error of ours, or read as the second reader reads it. */
function isRefusedOrReadAlike(bytes: Uint8Array): boolean {
  const thrown = thrownBy(() => guard(bytes))
  if (thrown !== undefined) return thrown instanceof HalfsecondError
  return isDeepStrictEqual(toPlain(decode(bytes)), readPlain(bytes))
}

const corpus: readonly Uint8Array[] = [
  encodeBatch(
    'p1',
    1,
    fc.sample(record, { numRuns: 12, seed: 3 }).map((one) => encode(one)),
  ),
  encode({
    v: 1,
    questions: [{ kind: 'await', position: [3, 77, 123_456_789_012], deadline: 50 }],
  }),
  encode([
    [3, new Uint8Array([1, 2, 3])],
    [4, encode({ a: ['é', -1, 1.5, null, true] })],
  ]),
  Uint8Array.from([
    0x93, 0xd6, 0xff, 0, 0, 0, 1, 0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0xca, 1, 2, 3,
    4,
  ]),
]

describe('the guard', () => {
  it('lets pass whatever the encoder makes of valid values, and they come back equal', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(toPlain(decode(encode(one)))).toStrictEqual(one)
      }),
      { numRuns: 500 },
    )
  })

  it('lets pass records of every kind', () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(decode(encode(one))).toStrictEqual(one)
      }),
      { numRuns: 500 },
    )
  })

  it('keeps text of every length, also with a byte-order mark inside', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 20 }), fc.nat(200), (texts, padding) => {
        const all = texts.map((one) => `a\ufeff${'ü'.repeat(padding)}${one}`)
        expect(decode(encode(all))).toStrictEqual(all)
      }),
    )
  })

  it('refuses random bytes with an error of ours or reads them as a second reader does', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), isRefusedOrReadAlike), {
      numRuns: 20_000,
    })
  })

  it('refuses mutated frames with an error of ours or reads them as a second reader does', () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) })
    fc.assert(
      fc.property(
        fc.constantFrom(...corpus),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (frame, mutations) => {
          const bytes = Uint8Array.from(frame)
          for (const { at, byte } of mutations) bytes[at % bytes.length] = byte
          return isRefusedOrReadAlike(bytes)
        },
      ),
      { numRuns: 10_000 },
    )
  })

  it('refuses every frame that ends early', () => {
    for (const frame of corpus) {
      guard(frame)
      for (let end = 0; end < frame.length; end++) {
        expect(thrownBy(() => guard(frame.subarray(0, end)))).toMatchObject({ code: 'MALFORMED' })
      }
    }
  })

  it('refuses a frame with bytes after its end', () => {
    for (const frame of corpus) {
      expect(thrownBy(() => guard(Buffer.concat([frame, new Uint8Array(1)])))).toMatchObject({
        code: 'MALFORMED',
      })
    }
  })

  it('finds a doubled key in a map of any size', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), {
          minLength: 2,
          maxLength: 120,
        }),
        fc.nat(),
        fc.nat(),
        (names, a, b) => {
          const keys = names.filter((one) => one !== '__proto__' && Buffer.byteLength(one) < 32)
          fc.pre(keys.length >= 2)
          const first = a % keys.length
          const second = (first + 1 + (b % (keys.length - 1))) % keys.length
          const doubled = keys.map((key, index) => (index === second ? keys[first] : key))
          expect(() => guard(mapOf(keys))).not.toThrow()
          expect(() => guard(mapOf(doubled))).toThrow('the same key twice')
        },
      ),
      { numRuns: 300 },
    )
  })

  it('accepts the bounds and refuses one more', () => {
    const keys = (count: number) => mapOf(Array.from({ length: count }, (_, i) => `k${i}`))
    const nested = (depth: number) => Uint8Array.from([...Array(depth).fill(0x91), 0xc0])
    const values = (count: number) => encode([Array.from({ length: count - 1 }, () => 0)])
    const items = (count: number) => encode(Array.from({ length: count }, () => 0))
    const key = (bytes: number) => encode({ ['k'.repeat(bytes)]: 0 })
    const frame = (bytes: number) => encode(new Uint8Array(bytes - 5))
    for (const [make, bound] of [
      [keys, bounds.keysPerMap],
      [nested, bounds.depth],
      [values, bounds.elementsPerRecord],
      [items, bounds.recordsPerBatch],
      [key, bounds.keyBytes],
      [frame, bounds.frameBytes],
    ] as const) {
      expect(() => guard(make(bound))).not.toThrow()
      expect(thrownBy(() => guard(make(bound + 1)))).toMatchObject({ code: 'TOO_LARGE' })
    }
  })

  it('gives each item its own budget of values', () => {
    const item = Array.from({ length: bounds.elementsPerRecord - 1 }, () => 0)
    expect(() => guard(encode([item, item, item]))).not.toThrow()
  })

  it('tells where the records of a batch are, whatever other fields surround them', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.array(value, { maxLength: 3 }),
        (records, extra) => {
          const spans = new Spans()
          const bytes = encode({
            before: extra,
            nested: { records: extra },
            records,
            after: [extra],
          })
          guard(bytes, spans)
          expect(spans.count).toBe(records.length)
          records.forEach((one, i) => {
            expect(bytes.subarray(spans.starts[i], spans.ends[i])).toStrictEqual(encode(one))
          })
        },
      ),
      { numRuns: 100 },
    )
  })
})

/** A map of these keys, as they are: an encoder would not write one twice. */
function mapOf(keys: readonly (string | undefined)[]): Uint8Array {
  const head = Uint8Array.from([0xde, keys.length >> 8, keys.length & 255])
  return Buffer.concat([head, ...keys.flatMap((key) => [encode(key ?? ''), encode(0)])])
}
