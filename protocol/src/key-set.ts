import { bounds } from './bounds.ts'

const tableSize = 4 * bounds.keysPerMap

/** Drawn per process, so that nobody can prepare keys that collide. It decides speed, never a result. */
const multiplier = Math.floor(Math.random() * 2 ** 32) | 1

/**
 * The keys that one map has shown so far, as places in the frame. Adding is constant time, so that
 * a map of many keys cannot make the scan quadratic.
 */
export class KeySet {
  private count = 0
  private stamp = 1
  private readonly starts = new Int32Array(bounds.keysPerMap)
  private readonly lengths = new Int32Array(bounds.keysPerMap)
  private readonly hashes = new Int32Array(bounds.keysPerMap)
  /** Open addressing: index of a key where `stamps` is current; used above 16 keys only. */
  private readonly table = new Int16Array(tableSize)
  private readonly stamps = new Int32Array(tableSize)

  clear(): void {
    this.count = 0
    this.stamp++
  }

  /** False if the key was there already. */
  add(bytes: Uint8Array, start: number, length: number): boolean {
    let hash = length
    for (let i = 0; i < length; i++)
      hash = (Math.imul(hash, multiplier) + (bytes[start + i] ?? 0)) | 0
    const index = this.count++
    this.starts[index] = start
    this.lengths[index] = length
    this.hashes[index] = hash
    if (index < 16) {
      for (let i = 0; i < index; i++) if (this.equals(i, bytes, start, length, hash)) return false
      return true
    }
    if (index === 16) for (let i = 0; i < 16; i++) this.place(i, bytes)
    return this.place(index, bytes)
  }

  /** Whether the key added last is this ASCII text. */
  lastIs(bytes: Uint8Array, text: string): boolean {
    const index = this.count - 1
    if (index < 0 || this.lengths[index] !== text.length) return false
    const start = this.starts[index] ?? 0
    for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
    return true
  }

  private place(index: number, bytes: Uint8Array): boolean {
    const start = this.starts[index] ?? 0
    const length = this.lengths[index] ?? 0
    const hash = this.hashes[index] ?? 0
    let slot = (Math.imul(hash, 0x9e3779b1) >>> 16) & (tableSize - 1)
    while (this.stamps[slot] === this.stamp) {
      if (this.equals(this.table[slot] ?? 0, bytes, start, length, hash)) return false
      slot = (slot + 1) & (tableSize - 1)
    }
    this.stamps[slot] = this.stamp
    this.table[slot] = index
    return true
  }

  private equals(
    index: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    hash: number,
  ): boolean {
    if (this.hashes[index] !== hash || this.lengths[index] !== length) return false
    const other = this.starts[index] ?? 0
    for (let i = 0; i < length; i++) if (bytes[other + i] !== bytes[start + i]) return false
    return true
  }
}
