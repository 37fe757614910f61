import {
  type ChannelRecord,
  compareUtf8,
  decodeTrusted,
  type GrantRecord,
  isFields,
} from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import { grantOf, propositionOf, saidBy } from './said.ts'

/*
 * One entry of a timeline, in memory and in rows alike, little-endian:
 *
 *   u32 length of the entry │ u32 hash of the record's identity │ f64 at' │ the record, as it was logged
 *
 * Keeping the logged bytes makes unknown fields survive and a row cost one copy. Entries stand in
 * the order of (at', identity).
 */
export const headerBytes = 16

/** Records that stand in a timeline. */
export type TimelineRecord =
  | Extract<ChannelRecord, { kind: 'event' | 'outcome' | 'logout' }>
  | GrantRecord

/** A decoded entry. `at` inside `record` is the sender's time; this one is what counts. */
export interface Entry {
  readonly at: number
  readonly record: TimelineRecord
}

/**
 * What makes a record the same as another: its id; for an outcome what it says about which
 * proposition, so that a second report of it changes nothing; for a grant the proposition.
 */
export function identityOf(record: TimelineRecord): string {
  switch (record.kind) {
    case 'outcome':
      return `${propositionOf(record)}|${saidBy(record)}`
    case 'grant':
      return grantOf(record)
    default:
      return record.id
  }
}

/** The shorter first, then by bytes: ids that end in a counter sort by its value. */
export function compareIds(a: string, b: string): number {
  return a.length - b.length || compareUtf8(a, b)
}

/** The order of a timeline: by time, then by identity. */
export function inOrder(a: Entry, b: Entry): number {
  return a.at - b.at || compareIds(identityOf(a.record), identityOf(b.record))
}

export function decodeEntry(bytes: Uint8Array, view: DataView, start: number): Entry {
  const length = view.getUint32(start, true)
  const record = decodeTrusted(bytes, start + headerBytes, start + length)
  assert(isTimelineRecord(record), 'a timeline holds validated records')
  return { at: view.getFloat64(start + 8, true), record }
}

/** Only shape: whatever stands in a timeline was validated when it was folded. */
function isTimelineRecord(value: unknown): value is TimelineRecord {
  return (
    isFields(value) &&
    (value.kind === 'event' ||
      value.kind === 'outcome' ||
      value.kind === 'logout' ||
      value.kind === 'grant')
  )
}
