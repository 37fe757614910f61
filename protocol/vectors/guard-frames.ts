/* Frames for the guard's vectors, byte by byte: an encoder would not write most of them. */

type Frame = { readonly name: string; readonly bytes: Uint8Array }
type RefusedFrame = Frame & { readonly code: 'MALFORMED' | 'TOO_LARGE' }

const a = [0xa1, 0x61]

export const guardFrames: {
  readonly accepted: readonly Frame[]
  readonly refused: readonly RefusedFrame[]
} = {
  accepted: [
    frame('nil', 0xc0),
    frame('an empty map', 0x80),
    frame('a map of 32 bits of length', 0xdf, 0, 0, 0, 1, ...a, 1),
    frame('a list of 32 bits of length', 0xdd, 0, 0, 0, 1, 1),
    frame('text of 32 bits of length', 0xdb, 0, 0, 0, 1, 0x61),
    frame('bytes', 0xc4, 2, 0xff, 0xfe),
    frame('a key of 8 bits of length', 0x81, 0xd9, 1, 0x61, 1),
    frame('a key of 16 bits of length', 0x81, 0xda, 0, 1, 0x61, 1),
    frame('2^53 - 1', 0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    frame('1 - 2^53', 0xd3, 0xff, 0xe0, 0, 0, 0, 0, 0, 1),
    frame('-2^53', 0xd3, 0xff, 0xe0, 0, 0, 0, 0, 0, 0),
    frame('NaN, which only the rules of a field refuse', 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0),
    frame('a timestamp of 32 bits', 0xd6, 0xff, 0, 0, 0, 1),
    frame('a timestamp of 64 bits', 0xd7, 0xff, 0, 0, 0, 0, 0, 0, 0, 1),
    frame('a timestamp of 96 bits', 0xc7, 12, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    frame('eight levels', ...many(8, 0x91), 0xc0),
    frame(
      'text of one to four bytes a character',
      0xaa,
      0x61,
      0xc3,
      0xa9,
      0xe6,
      0x97,
      0xa5,
      0xf0,
      0x9f,
      0x98,
      0x80,
    ),
    frame('a byte-order mark inside text', 0xa4, 0x61, 0xef, 0xbb, 0xbf),
    frame('the same key in two maps', 0x92, 0x81, ...a, 1, 0x81, ...a, 1),
    frame('a key named constructor', 0x81, ...textOf('constructor'), 1),
  ],
  refused: [
    malformed('nothing'),
    malformed('bytes after the value', 0x80, 0),
    malformed('a list cut short', 0x92, 1),
    malformed('a map cut after its key', 0x81, ...a),
    malformed('text cut short', 0xa2, 0x61),
    malformed('bytes cut short', 0xc4, 2, 1),
    malformed('a number cut short', 0xcb, 0, 0),
    malformed('text of 2 GiB', 0xdb, 0x7f, 0xff, 0xff, 0xff, 0x61),
    malformed('bytes of 4 GiB', 0xc6, 0xff, 0xff, 0xff, 0xff, 1),
    malformed('the unused type', 0xc1),
    malformed('a reference', 0x92, 0xd6, 0x69, 0, 0, 0, 1, 0x80),
    malformed('a pointer to itself', 0xd6, 0x70, 0, 0, 0, 1),
    malformed('a definition of records', 0xd4, 0x72, 0x40, 0x91, ...a, 1),
    malformed('undefined', 0xd4, 0, 0),
    malformed('a regular expression', 0xc7, 4, 0x78, 0x92, ...a, 0xa0),
    malformed('an error', 0xd4, 0x65, 0),
    malformed('a set', 0xd4, 0x73, 0),
    malformed('a typed array', 0xc7, 2, 0x74, 1, 0),
    malformed('a big integer', 0xc7, 9, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    malformed('bundled text', 0xd6, 0x62, 0, 0, 0, 1),
    malformed('an extension of no bytes', 0xc7, 0, 0xff),
    malformed('an extension of 16 MiB', 0xc9, 1, 0, 0, 0, 1),
    malformed('a timestamp of a wrong length', 0xd5, 0xff, 0, 0),
    malformed('a doubled key', 0x82, ...a, 1, ...a, 2),
    malformed('a doubled key, written in two ways', 0x82, ...a, 1, 0xd9, 1, 0x61, 2),
    malformed('a doubled key of 20', 0xde, 0, 20, ...keys(19), ...textOf('k0'), 0),
    malformed('a key named __proto__', 0x81, ...textOf('__proto__'), 1),
    malformed('a deep key named __proto__', 0x91, 0x81, ...a, 0x81, ...textOf('__proto__'), 1),
    malformed('nil as key', 0x81, 0xc0, 1),
    malformed('a number as key', 0x81, 1, 1),
    malformed('bytes as key', 0x81, 0xc4, 1, 0x61, 1),
    malformed('a list as key', 0x81, 0x90, 1),
    malformed('a lone continuation byte', 0xa1, 0x80),
    malformed('an overlong form of two bytes', 0xa2, 0xc0, 0xaf),
    malformed('an overlong form of three bytes', 0xa3, 0xe0, 0x80, 0xaf),
    malformed('an overlong form of four bytes', 0xa4, 0xf0, 0x80, 0x80, 0xaf),
    malformed('a surrogate', 0xa3, 0xed, 0xa0, 0x80),
    malformed('a code point above U+10FFFF', 0xa4, 0xf4, 0x90, 0x80, 0x80),
    malformed('a character cut by the end of its text', 0x92, 0xa1, 0xc3, 0xa9),
    malformed('a lead byte without continuation', 0xa2, 0xc3, 0x28),
    malformed('a key that is not UTF-8', 0x81, 0xa1, 0xff, 1),
    malformed('text behind a byte-order mark', 0xa4, 0xef, 0xbb, 0xbf, 0x61),
    malformed('2^53', 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0),
    malformed('2^53 + 1', 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1),
    malformed('-2^53 - 1', 0xd3, 0xff, 0xdf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    malformed('the greatest integer', 0xcf, ...many(8, 0xff)),
    malformed('the smallest integer', 0xd3, 0x80, ...many(7, 0)),
    tooLarge('nine levels', ...many(9, 0x91), 0xc0),
    tooLarge('a thousand levels', ...many(1_000, 0x91), 0xc0),
    tooLarge('a list of 2^32 - 1', 0xdd, ...many(4, 0xff)),
    tooLarge('a map of 2^32 - 1', 0xdf, ...many(4, 0xff)),
    tooLarge('a map of 257 keys', 0xde, 1, 1, ...keys(257)),
    tooLarge('a list of 4,097 items', 0xdc, 0x10, 0x01, ...many(4_097, 0xc0)),
    tooLarge('an item of 2,001 values', 0x91, 0xdc, 0x07, 0xd0, ...many(2_000, 0xc0)),
    tooLarge('a key of 65 bytes', 0x81, 0xd9, 65, ...many(65, 0x61), 1),
  ],
}

function frame(name: string, ...bytes: readonly number[]): Frame {
  return { name, bytes: Uint8Array.from(bytes) }
}

function malformed(name: string, ...bytes: readonly number[]): RefusedFrame {
  return { ...frame(name, ...bytes), code: 'MALFORMED' }
}

function tooLarge(name: string, ...bytes: readonly number[]): RefusedFrame {
  return { ...frame(name, ...bytes), code: 'TOO_LARGE' }
}

function many(count: number, byte: number): number[] {
  return Array.from({ length: count }, () => byte)
}

function textOf(text: string): number[] {
  return [0xd9, text.length, ...new TextEncoder().encode(text)]
}

function keys(count: number): number[] {
  return Array.from({ length: count }, (_, i) => [...textOf(`k${i}`), 0]).flat()
}
