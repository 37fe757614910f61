import { assert } from '../assert.ts'
import type { Digest } from '../digest.ts'
import { Arena, type Block, blockBytesMax } from './arena.ts'
import { compareIds, decodeEntry, type Entry, headerBytes, identityOf } from './entry.ts'

/** An event dirties one row: the chunk that still takes entries holds at most this many. */
export const openEntriesMax = 64

/** Bytes of an identity's hash at the end of the block. */
const hashBytes = 4

/**
 * The newest entries of a timeline, in order of (at', identity), as bytes in one block of the arena.
 *
 * I1 entries are sorted; equal times by identity.
 * I2 no two entries have the same identity.
 * I3 `used` bytes of the block are entries, `count` of them; no block while empty.
 * I4 the last `count` words of the block are the hashes of their identities, in any order: looking
 *    for one reads a few neighbouring words, not a header every couple of hundred bytes.
 */
export class OpenChunk {
  count = 0
  used = 0
  /** at' of the last entry; −1 while empty. */
  lastAt = -1
  private block: Block = -1
  private capacity = 0

  /** Bytes held in the arena. */
  get heldBytes(): number {
    return this.capacity
  }

  /** When the entry of this identity was, or undefined where it is not here. `hash` is the identity's. */
  timeOf(arena: Arena, hash: number, identity: string): number | undefined {
    if (this.count === 0) return undefined
    const { bytes, view, words } = arena.page(this.block)
    const start = arena.offset(this.block)
    const end = (start + this.capacity) / hashBytes
    let word = end - this.count
    while (word < end && words[word] !== (hash | 0)) word++
    if (word === end) return undefined
    for (let at = start; at < start + this.used; at += view.getUint32(at, true)) {
      if (view.getUint32(at + 4, true) !== hash) continue
      const entry = decodeEntry(bytes, view, at)
      if (identityOf(entry.record) === identity) return entry.at
    }
    return undefined
  }

  /** Room for one more record of this size, or false: seal some first. */
  fits(recordBytes: number): boolean {
    return (
      this.count < openEntriesMax &&
      this.used + headerBytes + recordBytes + hashBytes * (this.count + 1) <= blockBytesMax
    )
  }

  /** Adds a record's bytes in its place. The caller has checked `timeOf` and `fits`. */
  insert(
    arena: Arena,
    at: number,
    hash: number,
    identity: string,
    source: Uint8Array,
    sourceStart: number,
    sourceEnd: number,
    digest: Digest,
  ): void {
    const length = headerBytes + sourceEnd - sourceStart
    this.grow(arena, this.used + length, this.count + 1)
    const { bytes, view, words } = arena.page(this.block)
    const start = arena.offset(this.block)
    let place = start + this.used
    if (at <= this.lastAt) {
      place = this.placeFor(arena, at, identity)
      bytes.copyWithin(place + length, place, start + this.used)
    }
    view.setUint32(place, length, true)
    view.setUint32(place + 4, hash, true)
    view.setFloat64(place + 8, at, true)
    bytes.set(source.subarray(sourceStart, sourceEnd), place + headerBytes)
    digest.add(bytes, place + 8, place + length)
    this.used += length
    this.count++
    words[(start + this.capacity) / hashBytes - this.count] = hash
    if (at > this.lastAt) this.lastAt = at
  }

  /** The entries in order, as bytes that stay valid until the next change. */
  bytes(arena: Arena): Uint8Array {
    if (this.count === 0) return new Uint8Array(0)
    const start = arena.offset(this.block)
    return arena.page(this.block).bytes.subarray(start, start + this.used)
  }

  /** Copies what `bytes` gives. */
  copyTo(arena: Arena, target: Uint8Array, at: number): void {
    if (this.count > 0) target.set(this.bytes(arena), at)
  }

  entries(arena: Arena): Entry[] {
    if (this.count === 0) return []
    return decodeEntries(this.bytes(arena))
  }

  /** Takes over stored entries, as `bytes` gave them. Only into an empty chunk. */
  load(arena: Arena, stored: Uint8Array): void {
    assert(this.count === 0, 'stored entries are loaded into an empty chunk')
    if (stored.length === 0) return
    const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
    let count = 0
    for (let at = 0; at < stored.length; at += view.getUint32(at, true)) {
      count++
      this.lastAt = view.getFloat64(at + 8, true)
    }
    this.grow(arena, stored.length, count)
    arena.page(this.block).bytes.set(stored, arena.offset(this.block))
    this.used = stored.length
    this.count = count
    this.hashAll(arena)
  }

  /** Removes and returns the oldest `count` entries. */
  removeOldest(arena: Arena, count: number): Uint8Array {
    const { bytes, view } = arena.page(this.block)
    const start = arena.offset(this.block)
    let cut = start
    for (let i = 0; i < count; i++) cut += view.getUint32(cut, true)
    const removed = bytes.slice(start, cut)
    bytes.copyWithin(start, cut, start + this.used)
    this.used -= removed.length
    this.count -= count
    if (this.count === 0) this.release(arena)
    else this.hashAll(arena)
    return removed
  }

  release(arena: Arena): void {
    if (this.capacity > 0) arena.release(this.block, this.capacity)
    this.block = -1
    this.capacity = 0
    this.used = 0
    this.count = 0
    this.lastAt = -1
  }

  /** First entry that is greater than (at, identity). */
  private placeFor(arena: Arena, at: number, identity: string): number {
    const { bytes, view } = arena.page(this.block)
    const start = arena.offset(this.block)
    let place = start
    for (; place < start + this.used; place += view.getUint32(place, true)) {
      const other = view.getFloat64(place + 8, true)
      if (other < at) continue
      if (other > at) break
      if (compareIds(identityOf(decodeEntry(bytes, view, place).record), identity) > 0) break
    }
    return place
  }

  /** Makes room for so many bytes of entries, and for so many of them. */
  private grow(arena: Arena, used: number, count: number): void {
    const bytes = used + hashBytes * count
    if (bytes <= this.capacity) return
    const capacity = Arena.capacityFor(bytes)
    const block = arena.allocate(bytes)
    if (this.capacity > 0) {
      arena.page(block).bytes.set(this.bytes(arena), arena.offset(block))
      arena.release(this.block, this.capacity)
    }
    this.block = block
    this.capacity = capacity
    if (this.count > 0) this.hashAll(arena)
  }

  /** Writes I4 from the entries' headers. */
  private hashAll(arena: Arena): void {
    const { view, words } = arena.page(this.block)
    const start = arena.offset(this.block)
    let word = (start + this.capacity) / hashBytes
    for (let at = start; at < start + this.used; at += view.getUint32(at, true))
      words[--word] = view.getInt32(at + 4, true)
  }
}

/** Reads entries from bytes that a chunk gave, in order. */
export function decodeEntries(bytes: Uint8Array): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: Entry[] = []
  for (let at = 0; at < bytes.length; at += view.getUint32(at, true)) {
    entries.push(decodeEntry(bytes, view, at))
  }
  return entries
}
