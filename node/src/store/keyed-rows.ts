import { headOf, type RowHead } from '../runtime/rows.ts'
import { keyBytes, writeKey } from './keys.ts'

/**
 * The rows of one checkpoint in the order of their keys, which lets LMDB fill pages from left to
 * right. A checkpoint has thousands: they are held in a few typed arrays, because an object for
 * each would outlive several scavenges.
 */
export class KeyedRows {
  private readonly bytes: Buffer
  private readonly keys: Buffer
  /** The first six bytes of each key: nearly always enough to order it by. */
  private readonly prefixes: Float64Array
  private readonly starts: Uint32Array
  private readonly ends: Uint32Array
  private readonly order: Uint32Array

  constructor(bytes: Uint8Array, count: number) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.keys = Buffer.allocUnsafeSlow(count * keyBytes)
    this.prefixes = new Float64Array(count)
    this.starts = new Uint32Array(count)
    this.ends = new Uint32Array(count)
    this.order = new Uint32Array(count)
    const head: RowHead = { kind: 0, number: 0, nameStart: 0, nameEnd: 0, valueEnd: 0 }
    let at = 0
    for (let row = 0; row < count; row++) {
      headOf(this.bytes, at, head)
      this.add(row, head)
      at = head.valueEnd
    }
    this.order.sort((a, b) => this.compare(a, b))
  }

  /** Calls with the same key buffer each time; without a value for a row to delete. */
  forEach(visit: (key: Buffer, value: Buffer | undefined) => void): void {
    const key = Buffer.allocUnsafeSlow(keyBytes)
    for (const row of this.order) {
      const at = row * keyBytes
      this.keys.copy(key, 0, at, at + keyBytes)
      const start = this.starts[row] ?? 0
      const end = this.ends[row] ?? 0
      visit(key, end > start ? this.bytes.subarray(start, end) : undefined)
    }
  }

  private add(row: number, { kind, number, nameStart, nameEnd, valueEnd }: RowHead): void {
    const at = row * keyBytes
    writeKey(this.keys, at, kind, this.bytes.toString('utf8', nameStart, nameEnd), number)
    this.prefixes[row] = this.keys.readUIntBE(at, 6)
    this.starts[row] = nameEnd
    this.ends[row] = valueEnd
    this.order[row] = row
  }

  private compare(a: number, b: number): number {
    const byPrefix = (this.prefixes[a] ?? 0) - (this.prefixes[b] ?? 0)
    if (byPrefix !== 0) return byPrefix
    const [atA, atB] = [a * keyBytes, b * keyBytes]
    return this.keys.compare(this.keys, atB, atB + keyBytes, atA, atA + keyBytes)
  }
}
