import type { FragmentId } from '@halfsecond/protocol'
import type { RowTarget } from '../core/fragment/fragment-row.ts'
import { type Rows, rowKinds } from './ports.ts'

/*
 * Frame of one row to write, little-endian:
 *   u8 kind │ u16 length of the name │ u32 number │ u32 length of the value │ name │ value
 * `name` is an identifier, a producer or what a cell counts; `number` a chunk's, or the place of a dead letter. A value
 * of no bytes deletes the row. The store makes keys of it, away from the main thread.
 */
const headBytes = 11

const firstBytes = 64 * 1024

/** A larger buffer is given back after use, so that one large checkpoint does not stay for ever. */
const keptBytesMax = 16 * 1024 * 1024

/**
 * Frames rows in memory that is shared with the thread that writes them, and used again: memory
 * of its own for every checkpoint would start a major collection each second, because V8 counts
 * it against the heap; shared memory it does not count.
 */
export class RowsWriter implements RowTarget {
  private count = 0
  private used = 0
  private buffer = sharedBuffer(firstBytes)

  get bytes(): Uint8Array {
    return this.buffer
  }

  begin(identifier: FragmentId, size: number): number {
    return this.head(rowKinds.fragment, identifier, 0, size)
  }

  removeFragment(identifier: FragmentId): void {
    this.put(rowKinds.fragment, identifier, 0, noBytes)
  }

  /** Null deletes. */
  chunk(identifier: FragmentId, number: number, row: Uint8Array | null): void {
    this.put(rowKinds.chunk, identifier, number, row ?? noBytes)
  }

  /** Null deletes. */
  producer(producer: string, row: Uint8Array | null): void {
    this.put(rowKinds.producer, producer, 0, row ?? noBytes)
  }

  /** Null deletes. */
  outbox(destination: number, n: number, row: Uint8Array | null): void {
    this.put(rowKinds.outbox, String(destination), n, row ?? noBytes)
  }

  /** Null deletes. */
  statistics(cell: string, row: Uint8Array | null): void {
    this.put(rowKinds.statistics, cell, 0, row ?? noBytes)
  }

  deadLetter(number: number, row: Uint8Array): void {
    this.put(rowKinds.deadLetter, '', number, row)
  }

  meta(row: Uint8Array): void {
    this.put(rowKinds.meta, '', 0, row)
  }

  /** All rows so far, in the writer's own memory: they hold until `clear`. */
  finish(): Rows {
    return { count: this.count, bytes: this.buffer.subarray(0, this.used) }
  }

  /** Nobody needs the rows any more: the writer can be used again. */
  clear(): void {
    this.count = 0
    this.used = 0
    if (this.buffer.length > keptBytesMax) this.buffer = sharedBuffer(firstBytes)
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
    const larger = sharedBuffer(Math.max(this.buffer.length * 2, this.used + bytes))
    this.buffer.copy(larger, 0, 0, this.used)
    this.buffer = larger
  }
}

const noBytes = new Uint8Array(0)

function sharedBuffer(bytes: number): Buffer<SharedArrayBuffer> {
  return Buffer.from(new SharedArrayBuffer(bytes))
}

/** Where the parts of one row are in a frame of rows; the value begins where the name ends. */
export interface RowHead {
  kind: number
  number: number
  nameStart: number
  nameEnd: number
  /** Equal to `nameEnd` for a row to delete; also where the next row begins. */
  valueEnd: number
}

/** Reads the head of the row that begins at `at` into `head`. */
export function headOf(rows: Buffer, at: number, head: RowHead): void {
  head.kind = rows.readUInt8(at)
  head.nameStart = at + headBytes
  head.nameEnd = head.nameStart + rows.readUInt16LE(at + 1)
  head.number = rows.readUInt32LE(at + 3)
  head.valueEnd = head.nameEnd + rows.readUInt32LE(at + 7)
}

export interface RowToWrite {
  readonly kind: number
  readonly name: Uint8Array
  readonly number: number
  /** Undefined deletes. */
  readonly value: Buffer | undefined
}

export function* readRows(bytes: Uint8Array): Generator<RowToWrite> {
  const rows = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const head: RowHead = { kind: 0, number: 0, nameStart: 0, nameEnd: 0, valueEnd: 0 }
  for (let at = 0; at < rows.length; at = head.valueEnd) {
    headOf(rows, at, head)
    const { kind, number, nameStart, nameEnd, valueEnd } = head
    const value = valueEnd > nameEnd ? rows.subarray(nameEnd, valueEnd) : undefined
    yield { kind, name: rows.subarray(nameStart, nameEnd), number, value }
  }
}
