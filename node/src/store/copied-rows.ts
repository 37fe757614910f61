import type { RangeOptions } from 'lmdb'
import type { Rowset } from './environment.ts'

/** Rows of some pages; whoever keeps one row keeps all of its block from being freed. */
const blockBytes = 256 * 1024

/** In a transaction where one is given. */
type Range = RangeOptions & Lending

interface Lending {
  readonly transaction?: ReturnType<Rowset['useReadTransaction']>
}

/** Known to lmdb, though its types leave the transaction out: valid until the next is read. */
type Lend = (key: Buffer, within: Lending) => Buffer | undefined

/**
 * Copies of what lmdb lends for a moment, many in one block of memory. With a buffer of its own for
 * each, V8 counts their memory until it is enough for collecting garbage, and from then on goes
 * through the heap for up to 5 ms at each further buffer: where a node holds a million actors, reading
 * one page of 64 rows took a third of a second.
 */
export class CopiedRows {
  private block: Buffer = Buffer.alloc(0)
  private used = 0

  /** A copy that is never overwritten. */
  copy(bytes: Buffer): Buffer {
    const { length } = bytes
    if (this.used + length > this.block.length) {
      this.block = Buffer.allocUnsafeSlow(Math.max(blockBytes, length))
      this.used = 0
    }
    const copy = this.block.subarray(this.used, this.used + length)
    // What lmdb lends is longer than its length says.
    copy.set(bytes.subarray(0, length))
    this.used += length
    return copy
  }

  /** The rows of a range, in order, each with a copy of its value. */
  *of(rows: Rowset, range: Range): Generator<{ readonly key: Buffer; readonly value: Buffer }> {
    const lend: Lend = rows.getBinaryFast.bind(rows)
    for (const key of rows.getKeys(range)) {
      const value = lend(key, range)
      if (value !== undefined) yield { key, value: this.copy(value) }
    }
  }
}
