import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toBase64url } from '../src/base64url.ts'
import { encode } from '../src/codec.ts'
import { HalfsecondError } from '../src/errors.ts'
import { exportPositions, importPositions, isWirePosition, toWire } from '../src/position.ts'
import { thrownBy } from './arbitraries.ts'

const position = fc.record(
  {
    shard: fc.nat(255),
    incarnation: fc.nat(0xffffffff),
    sequence: fc.maxSafeNat(),
  },
  { noNullPrototype: true },
)

describe('positions', () => {
  it('come back from their text', () => {
    fc.assert(
      fc.property(fc.array(position, { maxLength: 4 }), (positions) => {
        expect(importPositions(exportPositions(positions))).toStrictEqual(positions)
      }),
    )
  })

  it('make text that fits a cookie or a header', () => {
    const largest = { shard: 255, incarnation: 0xffffffff, sequence: Number.MAX_SAFE_INTEGER }
    const text = exportPositions([largest, largest, largest, largest])
    expect(text).toMatch(/^hs1\.[\w-]{1,124}$/)
  })

  it('go over the wire as three numbers', () => {
    const wire = toWire({ shard: 3, incarnation: 77, sequence: 1_234 })
    expect(wire).toStrictEqual([3, 77, 1_234])
    expect(isWirePosition(wire)).toBe(true)
  })

  it.each([
    ['a map', { shard: 1, incarnation: 1, sequence: 1 }],
    ['two numbers', [1, 2]],
    ['four numbers', [1, 2, 3, 4]],
    ['text', ['1', 2, 3]],
    ['a shard too great', [256, 2, 3]],
    ['a negative shard', [-1, 2, 3]],
    ['an incarnation of 33 bits', [1, 2 ** 32, 3]],
    ['a fraction', [1, 2, 3.5]],
    ['a sequence beyond 2^53', [1, 2, 2 ** 53]],
    ['NaN', [1, 2, Number.NaN]],
  ])('are no %s', (_, value) => {
    expect(isWirePosition(value)).toBe(false)
  })

  it.each([
    ['another prefix', 'hs2.kA'],
    ['no prefix', 'kA'],
    ['nothing', 'hs1.'],
    ['other characters', 'hs1.k+/='],
    ['more than four', `hs1.${toBase64url(encode(Array(5).fill([1, 2, 3])))}`],
    ['a map', `hs1.${toBase64url(encode({ a: 1 }))}`],
    ['a faulty position', `hs1.${toBase64url(encode([[1, 2]]))}`],
    ['a long text', `hs1.${'A'.repeat(1_000)}`],
  ])('are refused from text with %s', (_, text) => {
    expect(thrownBy(() => importPositions(text))).toMatchObject({ code: 'MALFORMED' })
  })

  it('are refused from any other text with an error of ours', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^hs1\.[\w-]{0,40}$/), (text) => {
        const thrown = thrownBy(() => importPositions(text))
        expect(thrown === undefined || thrown instanceof HalfsecondError).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})
