import { bounds } from './bounds.ts'
import { decodeTrusted, encode } from './codec.ts'
import { HalfsecondError } from './errors.ts'
import { guard, Spans } from './guard.ts'
import { isFields } from './properties.ts'
import { idFault } from './validate.ts'

/** Version of batches, frames and tokens. Readers accept this one and the one before. */
export const wireVersion = 1

/**
 * One log entry: records of one shard, in order. Record i has the number n + i per (producer,
 * shard), unless it carries a greater `n` of its own, from which the next ones count on.
 */
export interface Batch {
  readonly v: number
  readonly producer: string
  readonly n: number
  readonly records: readonly unknown[]
}

/** A batch with the place of each record's bytes in the entry it was read from. */
export interface DecodedBatch extends Batch {
  readonly spans: Spans
}

/**
 * Joins records that were encoded one by one; the bytes equal those of the whole batch encoded.
 * @throws HalfsecondError `TOO_LARGE` for more records than a batch may hold
 */
export function encodeBatch(
  producer: string,
  n: number,
  records: readonly Uint8Array[],
): Uint8Array {
  if (records.length > bounds.recordsPerBatch) {
    throw new HalfsecondError(
      'TOO_LARGE',
      `${records.length} records; at most ${bounds.recordsPerBatch} in a batch`,
    )
  }
  const head = encode({ v: wireVersion, producer, n })
  const label = [0xa7, 0x72, 0x65, 0x63, 0x6f, 0x72, 0x64, 0x73] // "records"
  const size = records.length < 16 ? 1 : 3
  let total = head.length + label.length + size
  for (const record of records) total += record.length
  const bytes = new Uint8Array(total)
  bytes.set(head)
  bytes[0] = 0x84
  bytes.set(label, head.length)
  let at = head.length + label.length
  if (size === 1) bytes[at] = 0x90 | records.length
  else bytes.set([0xdc, records.length >> 8, records.length & 255], at)
  at += size
  for (const record of records) {
    bytes.set(record, at)
    at += record.length
  }
  return bytes
}

/** Bytes that a batch of this many records needs besides the records'. */
export function batchOverhead(producer: string): number {
  return 40 + producer.length
}

const spans = new Spans()

/**
 * Reads a batch from outside. Its records are not validated yet.
 * The result's `spans` are reused by the next call: consume it at once.
 * @throws HalfsecondError `MALFORMED`, `TOO_LARGE` or `INVALID`
 */
export function decodeBatch(bytes: Uint8Array): DecodedBatch {
  guard(bytes, spans)
  const value = decodeTrusted(bytes)
  if (!isFields(value)) throw new HalfsecondError('INVALID', 'a batch is a map')
  const { v, producer, n, records } = value
  if (v !== wireVersion) {
    const version = typeof v === 'number' ? v : 'unknown'
    throw new HalfsecondError(
      'INVALID',
      `a batch of version ${version}; this node reads ${wireVersion}`,
    )
  }
  const fault = idFault('producer', producer)
  if (fault !== undefined || typeof producer !== 'string')
    throw new HalfsecondError('INVALID', fault ?? 'producer is missing')
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 1)
    throw new HalfsecondError('INVALID', 'n is a whole number from 1')
  if (!Array.isArray(records) || records.length === 0)
    throw new HalfsecondError('INVALID', 'records is a list that is not empty')
  return { v: wireVersion, producer, n, records, spans }
}

/** Why record `index` of a batch is too large, or undefined. */
export function sizeFault(batch: DecodedBatch, index: number): string | undefined {
  const size = (batch.spans.ends[index] ?? 0) - (batch.spans.starts[index] ?? 0)
  return size > bounds.recordBytes
    ? `a record of ${size} bytes; at most ${bounds.recordBytes}`
    : undefined
}
