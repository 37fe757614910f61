import { bounds } from './bounds.ts'
import { HalfsecondError } from './errors.ts'
import { KeySet } from './key-set.ts'

/*
 * One pass over received bytes, before anything is decoded. What passes is plain MessagePack: maps
 * with distinct text keys, arrays, text, bytes, booleans, nil, finite or not yet judged numbers and
 * timestamps, within `bounds`. Everything else that MessagePack or a decoder's extensions allow
 * (references, classes, record definitions, bombs) is refused here.
 *
 * An "item" is an element of an outermost array: a record of a batch, a question of a frame. Each
 * has its own budget of elements, so that one item cannot spend another's.
 */

const MAP = 1
const ARRAY = 2

// Scratch of the scan: one frame at a time, since a scan is synchronous.
const left = new Int32Array(bounds.answerDepth + 1)
const kinds = new Uint8Array(bounds.answerDepth + 1)
const keySets = Array.from({ length: bounds.answerDepth + 1 }, () => new KeySet())

/** What differs between what channels send and what nodes answer. */
export interface Limits {
  readonly frameBytes: number
  /** At most `bounds.answerDepth`. */
  readonly depth: number
  readonly elementsPerItem: number
}

const received: Limits = {
  frameBytes: bounds.frameBytes,
  depth: bounds.depth,
  elementsPerItem: bounds.elementsPerRecord,
}

/** Where the items of the outermost array under the key `records` start and end. */
export class Spans {
  count = 0
  readonly starts = new Int32Array(bounds.recordsPerBatch)
  readonly ends = new Int32Array(bounds.recordsPerBatch)
}

/**
 * Refuses bytes that are not one plain, bounded MessagePack value.
 * @param spans filled with the records of a batch, if given; valid until its next use.
 * @throws HalfsecondError `MALFORMED` or `TOO_LARGE`, naming the byte.
 */
export function guard(bytes: Uint8Array, spans?: Spans, limits = received): void {
  const end = bytes.length
  if (end > limits.frameBytes) tooLarge(`a frame of ${end} bytes; at most ${limits.frameBytes}`)
  if (spans) spans.count = 0
  let at = 0
  let depth = 0
  let itemDepth = -1
  let elements = 0
  let collecting = false
  left[0] = 1
  kinds[0] = 0

  while (true) {
    while (left[depth] === 0) {
      if (collecting && depth === itemDepth && spans) closeSpan(spans, at)
      if (depth === itemDepth) {
        itemDepth = -1
        collecting = false
      }
      if (depth-- === 0) {
        if (at > end) malformed('truncated', end)
        if (at < end) malformed('bytes after the end of the value', at)
        return
      }
    }
    const remaining = (left[depth] ?? 0) - 1
    left[depth] = remaining
    if (depth === itemDepth) {
      if (collecting && spans) {
        closeSpan(spans, at)
        spans.starts[spans.count++] = at
      }
      elements = 0
    }
    if (++elements > limits.elementsPerItem)
      tooLarge(`more than ${limits.elementsPerItem} values in one item`)
    if (at >= end) malformed('truncated', at)
    const type = bytes[at] ?? 0

    if (kinds[depth] === MAP && (remaining & 1) === 1) {
      at = readKey(bytes, at, end, keySets[depth])
      continue
    }
    at++
    if (type < 0x80 || type >= 0xe0) continue
    if (type >= 0xa0 && type < 0xc0) {
      at = readText(bytes, at, type & 31, end)
      continue
    }
    let kind = 0
    let count = 0
    if (type < 0x90) {
      kind = MAP
      count = type & 15
    } else if (type < 0xa0) {
      kind = ARRAY
      count = type & 15
    } else {
      switch (type) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          continue
        case 0xcc:
        case 0xd0:
          at += 1
          continue
        case 0xcd:
        case 0xd1:
          at += 2
          continue
        case 0xca:
        case 0xce:
        case 0xd2:
          at += 4
          continue
        case 0xcb:
          at += 8
          continue
        case 0xcf:
        case 0xd3:
          at = readInteger64(bytes, at, end, type === 0xd3)
          continue
        case 0xc4:
          at = readBytes(at + 1, uint(bytes, at, 1, end), end)
          continue
        case 0xc5:
          at = readBytes(at + 2, uint(bytes, at, 2, end), end)
          continue
        case 0xc6:
          at = readBytes(at + 4, uint(bytes, at, 4, end), end)
          continue
        case 0xd9:
          at = readText(bytes, at + 1, uint(bytes, at, 1, end), end)
          continue
        case 0xda:
          at = readText(bytes, at + 2, uint(bytes, at, 2, end), end)
          continue
        case 0xdb:
          at = readText(bytes, at + 4, uint(bytes, at, 4, end), end)
          continue
        case 0xdc:
          kind = ARRAY
          count = uint(bytes, at, 2, end)
          at += 2
          break
        case 0xdd:
          kind = ARRAY
          count = uint(bytes, at, 4, end)
          at += 4
          break
        case 0xde:
          kind = MAP
          count = uint(bytes, at, 2, end)
          at += 2
          break
        case 0xdf:
          kind = MAP
          count = uint(bytes, at, 4, end)
          at += 4
          break
        case 0xd6:
        case 0xd7:
          at = readTimestamp(bytes, at, type === 0xd6 ? 4 : 8, end)
          continue
        case 0xc7:
          at = readTimestamp(bytes, at + 1, uint(bytes, at, 1, end) === 12 ? 12 : -1, end)
          continue
        default:
          malformed(`type 0x${type.toString(16)} is not allowed`, at - 1)
      }
    }
    if (++depth > limits.depth) tooLarge(`nested deeper than ${limits.depth}`)
    if (kind === MAP) {
      if (count > bounds.keysPerMap)
        tooLarge(`a map of ${count} keys; at most ${bounds.keysPerMap}`)
      keySets[depth]?.clear()
      left[depth] = count * 2
    } else {
      if (itemDepth < 0) {
        if (count > bounds.recordsPerBatch)
          tooLarge(`${count} items; at most ${bounds.recordsPerBatch}`)
        itemDepth = depth
        collecting =
          spans !== undefined &&
          depth === 2 &&
          kinds[1] === MAP &&
          (keySets[1]?.lastIs(bytes, 'records') ?? false)
      } else if (count > limits.elementsPerItem) {
        tooLarge(`more than ${limits.elementsPerItem} values in one item`)
      }
      left[depth] = count
    }
    kinds[depth] = kind
  }
}

function closeSpan(spans: Spans, at: number): void {
  if (spans.count > 0) spans.ends[spans.count - 1] = at
}

function readKey(bytes: Uint8Array, start: number, end: number, keys: KeySet | undefined): number {
  const type = bytes[start] ?? 0
  let at = start + 1
  let length = 0
  if (type >= 0xa0 && type < 0xc0) {
    length = type & 31
  } else if (type === 0xd9) {
    length = uint(bytes, at, 1, end)
    at += 1
  } else if (type === 0xda) {
    length = uint(bytes, at, 2, end)
    at += 2
  } else {
    malformed('a key of a map must be text', start)
  }
  if (length > bounds.keyBytes) tooLarge(`a key of ${length} bytes; at most ${bounds.keyBytes}`)
  const next = readText(bytes, at, length, end)
  if (isForbiddenKey(bytes, at, length)) malformed('a key named __proto__', at)
  if (keys && !keys.add(bytes, at, length)) malformed('the same key twice in one map', at)
  return next
}

const proto = [...'__proto__'].map((char) => char.charCodeAt(0))

function isForbiddenKey(bytes: Uint8Array, at: number, length: number): boolean {
  return length === proto.length && proto.every((code, i) => bytes[at + i] === code)
}

/**
 * Text must be well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF; and
 * start with no byte-order mark, which some decoders drop.
 */
function readText(bytes: Uint8Array, start: number, length: number, end: number): number {
  const stop = start + length
  if (stop > end) malformed('truncated text', start)
  if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf && length > 2)
    malformed('text that starts with a byte-order mark', start)
  let at = start
  while (at < stop) {
    const lead = bytes[at++] ?? 0
    if (lead < 0x80) continue
    const extra = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1
    if (lead < 0xc2 || lead > 0xf4 || at + extra > stop) malformed('text is not UTF-8', at - 1)
    const second = bytes[at] ?? 0
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < low || second > high) malformed('text is not UTF-8', at)
    for (let i = 1; i < extra; i++) {
      if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) malformed('text is not UTF-8', at + i)
    }
    at += extra
  }
  return stop
}

function readBytes(start: number, length: number, end: number): number {
  if (start + length > end) malformed('truncated bytes', start)
  return start + length
}

/** 64-bit integers pass only where a double holds them exactly. */
function readInteger64(bytes: Uint8Array, at: number, end: number, signed: boolean): number {
  const high = uint(bytes, at, 4, end)
  const magnitude = signed && high >= 0x80000000 ? 0x100000000 - high - 1 : high
  if (magnitude >= 0x200000) malformed('an integer beyond 2^53', at)
  return readBytes(at + 4, 4, end)
}

/** The only extension: type −1, a timestamp of 4, 8 or 12 bytes. */
function readTimestamp(bytes: Uint8Array, at: number, length: number, end: number): number {
  if (length < 0 || bytes[at] !== 0xff) malformed('an extension that is not a timestamp', at - 1)
  return readBytes(at + 1, length, end)
}

function uint(bytes: Uint8Array, at: number, width: number, end: number): number {
  if (at + width > end) malformed('truncated', at)
  let value = 0
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] ?? 0)
  return value
}

function malformed(what: string, at: number): never {
  throw new HalfsecondError('MALFORMED', `${what}, at byte ${at}`)
}

function tooLarge(what: string): never {
  throw new HalfsecondError('TOO_LARGE', what)
}
