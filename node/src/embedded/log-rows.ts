import { randomInt } from 'node:crypto'
import type { LogEntry } from '../runtime/ports.ts'
import type { Rowset } from '../store/environment.ts'

/*
 * How the embedded log lies in LMDB.
 *
 * An entry's key: u16 shard │ u48 sequence, big-endian. Its value: u8 own │ f64 timestamp,
 * little-endian │ batch.
 */

const valueHeadBytes = 9

export const maxSequence = 2 ** 48 - 1

export function entryKey(shard: number, sequence: number): Buffer {
  const key = Buffer.alloc(8)
  key.writeUInt16BE(shard)
  key.writeUIntBE(sequence, 2, 6)
  return key
}

export function entryValue(own: boolean, timestamp: number, bytes: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(valueHeadBytes + bytes.length)
  value[0] = own ? 1 : 0
  value.writeDoubleLE(timestamp, 1)
  value.set(bytes, valueHeadBytes)
  return value
}

export function readSequence(key: Buffer): number {
  return key.readUIntBE(2, 6)
}

export function readEntry(sequence: number, value: Buffer): LogEntry {
  return {
    sequence,
    own: value[0] === 1,
    timestamp: value.readDoubleLE(1),
    bytes: value.subarray(valueHeadBytes),
  }
}

/** The log's own facts: u16 shards │ u32 incarnation. Made once. Throws if they are another log's. */
export function readAbout(about: Rowset, shards: number): number {
  const key = Buffer.from('about')
  const stored = about.getBinary(key)
  if (stored === undefined) {
    const fresh = Buffer.alloc(6)
    fresh.writeUInt16LE(shards)
    fresh.writeUInt32LE(randomInt(1, 2 ** 32), 2)
    about.putSync(key, fresh)
    return fresh.readUInt32LE(2)
  }
  if (stored.readUInt16LE() !== shards) {
    throw new Error(
      `the log has ${stored.readUInt16LE()} shards and cannot be opened with ${shards}: their number never changes`,
    )
  }
  return stored.readUInt32LE(2)
}

/** Where the first sequence of a trimmed shard is kept, beside the log's own facts. */
export function firstKey(shard: number): Buffer {
  return Buffer.from(`first ${shard}`)
}

export function firstValue(sequence: number): Buffer {
  const value = Buffer.alloc(6)
  value.writeUIntLE(sequence, 0, 6)
  return value
}

export function readFirst(about: Rowset, shard: number): number {
  return about.getBinary(firstKey(shard))?.readUIntLE(0, 6) ?? 1
}
