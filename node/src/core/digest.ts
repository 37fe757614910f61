/*
 * The digest of a shard: the sum, modulo 2^64, of a hash of every fact. A sum does not depend on
 * order, and one fact is added or taken away without touching the others, so every replica knows
 * its digest at every position.
 *
 * hash64 = the first 8 bytes of MurmurHash3-x86-128 with seed 0 (Austin Appleby, public domain),
 * read as two little-endian 32-bit words.
 */

const c1 = 0x239b961b
const c2 = 0xab0e9789
const c3 = 0x38b34ae5
const c4 = 0xa1e38b93

let hashLow = 0
let hashHigh = 0

export class Digest {
  private low = 0
  private high = 0

  add(bytes: Uint8Array, start: number, end: number): void {
    hash64(bytes, start, end)
    const sum = this.low + hashLow
    this.low = sum >>> 0
    this.high = (this.high + hashHigh + (sum > 0xffffffff ? 1 : 0)) >>> 0
  }

  remove(bytes: Uint8Array, start: number, end: number): void {
    hash64(bytes, start, end)
    const difference = this.low - hashLow
    this.low = difference >>> 0
    this.high = (this.high - hashHigh - (difference < 0 ? 1 : 0)) >>> 0
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return hex(this.high) + hex(this.low)
  }

  /** Continues from text that `toString` gave. */
  static from(text: string): Digest {
    const digest = new Digest()
    digest.high = Number.parseInt(text.slice(0, 8), 16)
    digest.low = Number.parseInt(text.slice(8, 16), 16)
    return digest
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}

/** hash64 of a range of bytes as 16 hexadecimal digits. */
export function hash64Hex(bytes: Uint8Array, start = 0, end = bytes.length): string {
  hash64(bytes, start, end)
  return hex(hashHigh) + hex(hashLow)
}

/** Leaves its result in `hashLow` and `hashHigh`: a tuple per fact would be garbage. */
function hash64(bytes: Uint8Array, start: number, end: number): void {
  const length = end - start
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  let at = start
  const blocksEnd = start + (length & ~15)
  for (; at < blocksEnd; at += 16) {
    h1 ^= Math.imul(rotl(Math.imul(word(bytes, at), c1), 15), c2)
    h1 = (Math.imul(rotl(h1, 19) + h2, 5) + 0x561ccd1b) | 0
    h2 ^= Math.imul(rotl(Math.imul(word(bytes, at + 4), c2), 16), c3)
    h2 = (Math.imul(rotl(h2, 17) + h3, 5) + 0x0bcaa747) | 0
    h3 ^= Math.imul(rotl(Math.imul(word(bytes, at + 8), c3), 17), c4)
    h3 = (Math.imul(rotl(h3, 15) + h4, 5) + 0x96cd1c35) | 0
    h4 ^= Math.imul(rotl(Math.imul(word(bytes, at + 12), c4), 18), c1)
    h4 = (Math.imul(rotl(h4, 13) + h1, 5) + 0x32ac3b17) | 0
  }
  const left = end - at
  if (left > 12) h4 ^= Math.imul(rotl(Math.imul(tail(bytes, at + 12, end), c4), 18), c1)
  if (left > 8) h3 ^= Math.imul(rotl(Math.imul(tail(bytes, at + 8, end), c3), 17), c4)
  if (left > 4) h2 ^= Math.imul(rotl(Math.imul(tail(bytes, at + 4, end), c2), 16), c3)
  if (left > 0) h1 ^= Math.imul(rotl(Math.imul(tail(bytes, at, end), c1), 15), c2)
  h1 ^= length
  h2 ^= length
  h3 ^= length
  h4 ^= length
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = mixed32(h1)
  h2 = mixed32(h2)
  h3 = mixed32(h3)
  h4 = mixed32(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  hashLow = h1 >>> 0
  hashHigh = h2 >>> 0
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  )
}

/** Up to four bytes of the unfinished block. */
function tail(bytes: Uint8Array, at: number, end: number): number {
  let value = 0
  for (let i = 0; i < 4 && at + i < end; i++) value |= (bytes[at + i] ?? 0) << (8 * i)
  return value
}

function rotl(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}

/** MurmurHash3's finaliser: spreads the bits of a hash whose last bytes differ little. May be negative. */
export function mixed32(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
