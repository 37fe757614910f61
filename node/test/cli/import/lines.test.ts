import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeText } from '../../../src/cli/import/decode-text.ts'
import { LineSplitter, lineBytesMax } from '../../../src/cli/import/line-splitter.ts'

function split(chunks: readonly Buffer[]) {
  const splitter = new LineSplitter()
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()]
}

describe('lines', () => {
  it('end with LF, CR LF or CR, and are numbered from 1', () => {
    const lines = split([Buffer.from('a\nb\r\nc\rd\n\ne')])

    expect(lines.map(({ number, text }) => [number, text])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
      [5, ''],
      [6, 'e'],
    ])
  })

  it('are the same wherever the chunks are cut', () => {
    const bytes = fc.string({ unit: fc.constantFrom('a', 'ü', '\r', '\n', '€') })

    fc.assert(
      fc.property(bytes, fc.array(fc.nat({ max: 40 })), (text, cuts) => {
        const whole = Buffer.from(text)
        const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort(
          (a, b) => a - b,
        )
        const chunks = places.slice(1).map((end, i) => whole.subarray(places[i], end))

        expect(split(chunks)).toEqual(split([whole]))
        const expected = text.split(/\r\n|\r|\n/)
        if (expected.at(-1) === '') expected.pop()
        expect(split(chunks).map((line) => line.text)).toEqual(expected)
      }),
    )
  })

  it('that are too long are told by their beginning, and the next ones are read', () => {
    const chunks = Array.from({ length: 20 }, () => Buffer.alloc(lineBytesMax / 16, 'x'))

    const lines = split([...chunks, Buffer.from('\nnext\n')])

    expect(lines.map(({ isWhole }) => isWhole)).toEqual([false, true])
    expect(lines[0]?.text).toMatch(/^x{1,2000}$/)
    expect(lines[1]).toEqual({ number: 2, text: 'next', isWhole: true })
  })
})

describe('the text of a line', () => {
  it.each([
    ['UTF-8 as it is', Buffer.from('grün 🎈'), 'grün 🎈'],
    ['Latin 1', Buffer.from('gr\xfcn', 'latin1'), 'gr\\xFCn'],
    ['a sequence that is cut', Buffer.from([0x61, 0xe2, 0x82, 0x62]), 'a\\xE2\\x82b'],
    ['a sequence that is cut by the end', Buffer.from([0x61, 0xe2, 0x82]), 'a\\xE2\\x82'],
    ['a surrogate', Buffer.from([0xed, 0xa0, 0x80]), '\\xED\\xA0\\x80'],
    ['a form that is too long', Buffer.from([0xc0, 0xaf]), '\\xC0\\xAF'],
    ['a mixture', Buffer.from([0xc3, 0xbc, 0xff, 0xc3, 0xbc]), 'ü\\xFFü'],
  ])('keeps %s', (_, bytes, text) => {
    expect(decodeText(bytes)).toBe(text)
  })

  it('is well-formed for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeText(Buffer.from(bytes)).isWellFormed()).toBe(true)
      }),
    )
  })
})
