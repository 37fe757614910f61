import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchOverhead, decodeBatch, encodeBatch, sizeFault, wireVersion } from '../src/batch.ts'
import { bounds } from '../src/bounds.ts'
import { encode } from '../src/codec.ts'
import { builtInNamespaces, identifierOf } from '../src/identifier.ts'
import { recordFault } from '../src/validate.ts'
import { record, thrownBy } from './arbitraries.ts'

const producer = fc.stringMatching(/^[!-~]{1,64}$/)
const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

describe('a batch', () => {
  it('has the bytes of the whole batch encoded at once, for every number of records', () => {
    fc.assert(
      fc.property(
        producer,
        number,
        fc.constantFrom(1, 2, 15, 16, 17, 255, 256, 300, 4_096),
        (by, n, count) => {
          const records = Array.from({ length: count }, (_, i) => ({ i }))
          const bytes = encodeBatch(by, n, records.map(encode))
          const whole = encode({ v: wireVersion, producer: by, n, records })
          expect(Buffer.compare(bytes, whole)).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('is decoded to what was encoded, with the place of each record', () => {
    fc.assert(
      fc.property(
        producer,
        number,
        fc.array(record, { minLength: 1, maxLength: 40 }),
        (by, n, records) => {
          const encoded = records.map((one) => Uint8Array.from(encode(one)))
          const bytes = encodeBatch(by, n, encoded)
          const batch = decodeBatch(bytes)
          expect({ ...batch, spans: undefined }).toStrictEqual({
            v: wireVersion,
            producer: by,
            n,
            records,
            spans: undefined,
          })
          expect(batch.spans.count).toBe(records.length)
          encoded.forEach((one, i) => {
            expect(bytes.subarray(batch.spans.starts[i], batch.spans.ends[i])).toStrictEqual(one)
          })
        },
      ),
      { numRuns: 150 },
    )
  })

  it('never needs more than its overhead besides the records', () => {
    fc.assert(
      fc.property(producer, number, fc.integer({ min: 1, max: 300 }), (by, n, count) => {
        const records = Array.from({ length: count }, () => encode({}))
        expect(encodeBatch(by, n, records).length - count).toBeLessThanOrEqual(batchOverhead(by))
      }),
    )
  })

  it('keeps the fields that this version does not know, and their bytes', () => {
    const extended = {
      kind: 'event',
      id: 'a1',
      key: 'anon:4hG8',
      at: 1_760_000_000_000,
      name: 'page',
      properties: {},
      shadow: { of: ['a', 'later', 'version'] },
    }
    const bytes = encode({
      v: wireVersion,
      producer: 'p',
      n: 1,
      records: [extended],
      trace: [1, 2],
    })
    const batch = decodeBatch(bytes)
    expect(recordFault(batch.records[0], builtInNamespaces)).toBeUndefined()
    expect(batch.records[0]).toStrictEqual(extended)
    expect(bytes.subarray(batch.spans.starts[0], batch.spans.ends[0])).toStrictEqual(
      encode(extended),
    )
  })

  it('holds no more records than one may', () => {
    const records = Array.from({ length: bounds.recordsPerBatch + 1 }, () => encode({}))
    expect(thrownBy(() => encodeBatch('p', 1, records))).toMatchObject({ code: 'TOO_LARGE' })
  })

  it.each([
    ['a list', [1]],
    ['text', 'batch'],
    ['no version', { producer: 'p', n: 1, records: [{}] }],
    ['a version to come', { v: 2, producer: 'p', n: 1, records: [{}] }],
    ['a version that is text', { v: 'x'.repeat(10_000), producer: 'p', n: 1, records: [{}] }],
    ['no producer', { v: 1, n: 1, records: [{}] }],
    ['a producer with a space', { v: 1, producer: 'a b', n: 1, records: [{}] }],
    ['a producer too long', { v: 1, producer: 'p'.repeat(65), n: 1, records: [{}] }],
    ['n of 0', { v: 1, producer: 'p', n: 0, records: [{}] }],
    ['n of 1.5', { v: 1, producer: 'p', n: 1.5, records: [{}] }],
    ['n beyond 2^53', { v: 1, producer: 'p', n: 2 ** 53, records: [{}] }],
    ['n as text', { v: 1, producer: 'p', n: '1', records: [{}] }],
    ['no records', { v: 1, producer: 'p', n: 1 }],
    ['empty records', { v: 1, producer: 'p', n: 1, records: [] }],
    ['a map of records', { v: 1, producer: 'p', n: 1, records: { 0: {} } }],
  ])('is INVALID as %s, in a short message', (_, value) => {
    const thrown = thrownBy(() => decodeBatch(encode(value)))
    expect(thrown).toMatchObject({ name: 'HalfsecondError', code: 'INVALID' })
    expect(String(thrown).length).toBeLessThan(200)
  })

  it('tells a record that is too large, and which', () => {
    const large = encode({ filler: new Uint8Array(bounds.recordBytes) })
    const fitting = encode({ filler: new Uint8Array(bounds.recordBytes - 11) })
    expect(fitting.length).toBe(bounds.recordBytes)
    const batch = decodeBatch(encodeBatch('p', 1, [fitting, large, encode({})]))
    expect([0, 1, 2].map((index) => sizeFault(batch, index))).toStrictEqual([
      undefined,
      `a record of ${large.length} bytes; at most ${bounds.recordBytes}`,
      undefined,
    ])
  })
})

describe('what the validator accepts', () => {
  it('passes the guard inside a batch, so that no record costs its neighbours', () => {
    const key = identifierOf('anon', 'a')
    const event = { kind: 'event', id: 'a', key, at: 1, name: 'page', properties: {} }
    const candidate = fc.oneof(
      fc.dictionary(
        fc.string({ unit: 'binary', maxLength: 70 }),
        fc.anything({ maxDepth: 5, withNullPrototype: true }),
        { maxKeys: 8 },
      ),
      fc
        .nat(400)
        .map((keys) => Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, i]))),
      fc
        .tuple(fc.nat(60), fc.nat(110))
        .map(([lists, length]) =>
          Object.fromEntries(
            Array.from({ length: lists }, (_, i) => [`k${i}`, Array(length).fill(0)]),
          ),
        ),
      fc.integer({ min: 0, max: 8_200 }).map((length) => ({ text: 'é'.repeat(length) })),
    )
    let accepted = 0
    fc.assert(
      fc.property(candidate, fc.boolean(), (fields, isInside) => {
        const one = isInside ? { ...event, properties: fields } : { ...fields, ...event }
        fc.pre(recordFault(one, builtInNamespaces) === undefined)
        accepted++
        expect(decodeBatch(encodeBatch('p', 1, [encode(one)])).records).toHaveLength(1)
      }),
      { numRuns: 1_000, maxSkipsPerRun: 100 },
    )
    expect(accepted).toBeGreaterThan(500)
  })
})
