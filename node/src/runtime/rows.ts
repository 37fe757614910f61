import type { Identifier } from '@halfsecond/protocol'
import type { RowTarget } from '../core/fragment/fragment-row.ts'
import { type Rows, rowKinds } from './ports.ts'

/*
 * Frame of one row to write, little-endian:
 *   u8 kind │ u16 length of the name │ u32 number │ u32 length of the value │ name │ value
 * `name` is an identifier or a producer; `number` a chunk's, or the place of a dead letter. A value
 * of no bytes deletes the row. The store makes keys of it, away from the main thread.
 */
const headBytes = 11

export class RowsWriter implements RowTarget {
  private count = 0
  private used = 0
  private buffer: Buffer

  constructor(sizeHint = 64 * 1024) {
    this.buffer = Buffer.allocUnsafeSlow(sizeHint)
  }

  get bytes(): Uint8Array {
    return this.buffer
  }

  begin(identifier: Identifier, size: number): number {
    return this.head(rowKinds.fragment, identifier, 0, size)
  }

  chunk(identifier: Identifier, number: number, row: Uint8Array): void {
    this.put(rowKinds.chunk, identifier, number, row)
  }

  /** Null deletes. */
  producer(producer: string, row: Uint8Array | null): void {
    this.put(rowKinds.producer, producer, 0, row ?? new Uint8Array(0))
  }

  deadLetter(number: number, row: Uint8Array): void {
    this.put(rowKinds.deadLetter, '', number, row)
  }

  meta(row: Uint8Array): void {
    this.put(rowKinds.meta, '', 0, row)
  }

  /** All rows so far. The writer must not be used afterwards. */
  finish(): Rows {
    return { count: this.count, bytes: this.buffer.subarray(0, this.used) }
  }

  private put(kind: number, name: string, number: number, value: Uint8Array): void {
    const at = this.head(kind, name, number, value.length)
    this.buffer.set(value, at)
  }

  /** Writes all of a row but its value, and returns where that goes. */
  private head(kind: number, name: string, number: number, size: number): number {
    this.reserve(headBytes + name.length * 3 + size)
    const nameBytes = this.buffer.write(name, this.used + headBytes)
    this.buffer[this.used] = kind
    this.buffer.writeUInt16LE(nameBytes, this.used + 1)
    this.buffer.writeUInt32LE(number, this.used + 3)
    this.buffer.writeUInt32LE(size, this.used + 7)
    const at = this.used + headBytes + nameBytes
    this.used = at + size
    this.count++
    return at
  }

  private reserve(bytes: number): void {
    if (this.used + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.used + bytes))
    this.buffer.copy(larger, 0, 0, this.used)
    this.buffer = larger
  }
}

export interface RowToWrite {
  readonly kind: number
  readonly name: Uint8Array
  readonly number: number
  /** Undefined deletes. */
  readonly value: Buffer | undefined
}

export function* readRows(bytes: Uint8Array): Generator<RowToWrite> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at < buffer.length) {
    const kind = buffer.readUInt8(at)
    const nameEnd = at + headBytes + buffer.readUInt16LE(at + 1)
    const number = buffer.readUInt32LE(at + 3)
    const valueEnd = nameEnd + buffer.readUInt32LE(at + 7)
    const name = buffer.subarray(at + headBytes, nameEnd)
    const value = valueEnd > nameEnd ? buffer.subarray(nameEnd, valueEnd) : undefined
    yield { kind, name, number, value }
    at = valueEnd
  }
}
