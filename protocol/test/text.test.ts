import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareUtf8, isLonger, isPrintable, isWellFormed, printable } from '../src/text.ts'

const wellFormed = fc.string({ unit: 'binary', maxLength: 30 })
const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units))

describe('text', () => {
  it('is ordered as its UTF-8 bytes are', () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, wellFormed, (a, b, prefix) => {
        for (const [x, y] of [
          [a, b],
          [prefix + a, prefix + b],
          [prefix, prefix + a],
        ] as const) {
          expect(Math.sign(compareUtf8(x, y))).toBe(Buffer.compare(Buffer.from(x), Buffer.from(y)))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('puts characters beyond the basic plane last, where UTF-16 units do not', () => {
    expect(compareUtf8('\uffff', '😀')).toBeLessThan(0)
    expect('\uffff' < '😀').toBe(false)
  })

  it('is well-formed where UTF-8 keeps it', () => {
    fc.assert(
      fc.property(anyUnits, (text) => {
        const kept = new TextDecoder().decode(new TextEncoder().encode(text)) === text
        expect(isWellFormed(text)).toBe(kept)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is printable without control characters', () => {
    fc.assert(
      fc.property(anyUnits, fc.string(), (text, ascii) => {
        for (const one of [text, ascii, ascii + text]) {
          expect(isPrintable(one)).toBe(isWellFormed(one) && !/\p{Cc}/u.test(one))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('is longer than a bound by its bytes', () => {
    fc.assert(
      fc.property(wellFormed, fc.nat(120), (text, max) => {
        expect(isLonger(text, max)).toBe(Buffer.byteLength(text) > max)
      }),
      { numRuns: 2_000 },
    )
  })

  it('comes into messages short and without anything that a terminal obeys', () => {
    fc.assert(
      fc.property(fc.oneof(anyUnits, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
        const shown = printable(text)
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        expect(shown.length).toBeLessThanOrEqual(64 * 8)
      }),
      { numRuns: 1_000 },
    )
    expect(printable('\u001b[31m\u009b\u202e"é')).toBe('\\u001b[31m\\u{9b}\\u{202e}\\"é')
  })
})
