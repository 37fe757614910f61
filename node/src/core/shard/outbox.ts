import {
  batchOverhead,
  bounds,
  decodeTrusted,
  encode,
  encodeBatch,
  type FragmentId,
  isFields,
  isOutboxRecord,
  type OutboxRecord,
} from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import type { Message } from '../identity/identity-ground.ts'
import { isSignal, type Signal } from './signal.ts'

/** One message that its destination, another shard or the signals, has not acknowledged yet. */
export interface OutboxRow {
  readonly destination: number
  /** Counts per source and destination; grows, and may leave gaps. */
  readonly n: number
  readonly message: Message | Signal
}

/** Records of one batch: what one publish carries. */
const recordsMax = 512

/** Of a batch's frame, room for its head. */
const batchBytes = bounds.frameBytes - 1_024

/**
 * What a shard has to tell others, until `sent` says that it is in their logs. A message replaces
 * an earlier one about the same thing, under a new number, so there is at most one of each; signals
 * are all told.
 *
 * O1 numbers of a destination only grow; whoever hears a smaller one again ignores it.
 * O2 rows of a destination stand in the order of their numbers.
 */
export class Outbox {
  private readonly destinations = new Map<number, Destination>()
  /** Destinations that something waits for: a shard has few of them, and is asked after each entry. */
  private readonly open = new Set<number>()
  private count = 0

  /** Messages that wait, over all destinations. */
  get size(): number {
    return this.count
  }

  /** Adds a message. `changed` is told the numbers of rows that came or went. */
  put(destination: number, message: Message | Signal, changed: RowChanged): void {
    const rows = this.of(destination)
    const key = keyOf(message, rows.last + 1)
    const before = rows.byKey.get(key)
    if (before !== undefined) {
      rows.byNumber.delete(before)
      this.count--
      changed(destination, before)
    }
    const n = ++rows.last
    rows.byKey.set(key, n)
    rows.byNumber.set(n, { destination, n, message })
    this.open.add(destination)
    this.count++
    changed(destination, n)
  }

  /** All up to this number are in the destination's log. */
  sent(destination: number, upTo: number, changed: RowChanged): void {
    const rows = this.destinations.get(destination)
    if (rows === undefined) return
    for (const [n, { message }] of rows.byNumber) {
      if (n > upTo) break
      rows.byNumber.delete(n)
      rows.byKey.delete(keyOf(message, n))
      this.count--
      changed(destination, n)
    }
    if (rows.byNumber.size === 0) this.open.delete(destination)
  }

  /** Destinations that something waits for, in their order. */
  waiting(): readonly number[] {
    return this.open.size === 0 ? nowhere : [...this.open].sort((a, b) => a - b)
  }

  /** What waits for a destination after this number, in order. */
  *rows(destination: number, after = 0): Iterable<OutboxRow> {
    for (const row of this.destinations.get(destination)?.byNumber.values() ?? [])
      if (row.n > after) yield row
  }

  /** The greatest number that a message for a destination has had; 0 where there was none. */
  last(destination: number): number {
    return this.destinations.get(destination)?.last ?? 0
  }

  /** How many messages wait for a destination. */
  sizeOf(destination: number): number {
    return this.destinations.get(destination)?.byNumber.size ?? 0
  }

  row(destination: number, n: number): OutboxRow | undefined {
    return this.destinations.get(destination)?.byNumber.get(n)
  }

  /** For the meta row: the last number of each destination, whether or not anything waits. */
  numbers(): readonly (readonly [destination: number, last: number])[] {
    return Array.from(this.destinations, ([destination, { last }]) => [destination, last] as const)
  }

  /** Takes back what `numbers` gave, and the rows that waited. */
  static restore(
    numbers: readonly (readonly [destination: number, last: number])[],
    rows: readonly OutboxRow[],
  ): Outbox {
    const outbox = new Outbox()
    for (const [destination, last] of numbers) outbox.of(destination).last = last
    for (const row of [...rows].sort((a, b) => a.n - b.n)) {
      const { byKey, byNumber } = outbox.of(row.destination)
      byKey.set(keyOf(row.message, row.n), row.n)
      byNumber.set(row.n, row)
      outbox.open.add(row.destination)
      outbox.count++
    }
    return outbox
  }

  private of(destination: number): Destination {
    let rows = this.destinations.get(destination)
    if (rows === undefined) {
      rows = { last: 0, byKey: new Map(), byNumber: new Map() }
      this.destinations.set(destination, rows)
    }
    return rows
  }
}

const nowhere: readonly number[] = []

export type RowChanged = (destination: number, n: number) => void

interface Destination {
  last: number
  readonly byKey: Map<string, number>
  readonly byNumber: Map<number, OutboxRow>
}

/** Two messages of one key are about the same thing: the later one holds. */
function keyOf(message: Message | Signal, n: number): string {
  return message.kind === 'signal' ? `signal ${n}` : keyOfMessage(message)
}

function keyOfMessage(message: Message): string {
  const { kind, from, to } = message
  switch (kind) {
    case 'edge':
    case 'mention':
      return `${kind} ${from} ${to}`
    case 'copy':
    case 'gone':
      return `copy ${from} ${to} ${message.id}`
    case 'refuse':
    case 'reinstate':
      return `refuse ${to} ${message.upper} ${message.since}`
    case 'erase':
    case 'erased':
      return `${kind} ${from} ${to} ${message.eraseId}`
  }
}

/**
 * A batch of what waits for one destination, oldest first, as much as fits; undefined for nothing.
 * @param copyOf the fragment `id` as `holder` has it now
 */
export function outboxBatch(
  source: number,
  rows: Iterable<OutboxRow>,
  copyOf: (holder: FragmentId, id: FragmentId) => Uint8Array | undefined,
): OutboxBatch | undefined {
  const producer = outboxProducer(source)
  const records: Uint8Array[] = []
  let size = batchOverhead(producer)
  let first = 0
  let upTo = 0
  for (const { n, message } of rows) {
    assert(message.kind !== 'signal', 'no shard is told signals')
    const fragment = message.kind === 'copy' ? copyOf(message.from, message.id) : undefined
    if (message.kind === 'copy' && fragment === undefined) {
      // Taken back in the meantime: the message that says so has a greater number.
      upTo = n
      continue
    }
    const record = encode({ ...message, n, ...(fragment && { fragment }) })
    if (records.length > 0 && (size + record.length > batchBytes || records.length >= recordsMax))
      break
    if (first === 0) first = n
    size += record.length
    records.push(record)
    upTo = n
  }
  if (upTo === 0) return undefined
  const bytes = records.length === 0 ? undefined : encodeBatch(producer, first, records)
  return { bytes, upTo }
}

export interface OutboxBatch {
  /** Undefined where all that waited was taken back in the meantime. */
  readonly bytes: Uint8Array | undefined
  /** Everything up to this number is in it. */
  readonly upTo: number
}

export const outboxPrefix = 'outbox:'

export function outboxProducer(source: number): string {
  return `${outboxPrefix}${source}`
}

/** The row as it is stored. */
export function storedOutboxRow({ destination, n, message }: OutboxRow): Uint8Array {
  return encode([
    1,
    destination,
    { ...message, n, ...(message.kind === 'copy' && { fragment: none }) },
  ])
}

const none = new Uint8Array(0)

/** Takes back what `storedOutboxRow` gave. */
export function restoreOutboxRow(stored: Uint8Array): OutboxRow {
  const value = decodeTrusted(stored)
  assert(Array.isArray(value) && value[0] === 1, 'an outbox row of this version')
  const [, destination, record]: unknown[] = value
  assert(typeof destination === 'number' && isFields(record), 'an outbox row that is whole')
  if (isSignal(record)) {
    const { n, ...message } = record
    return { destination, n, message }
  }
  assert(isOutboxRecord(record), 'an outbox row that is whole')
  return { destination, n: record.n, message: messageOf(record) }
}

function messageOf(record: OutboxRecord): Message {
  if (record.kind === 'copy') {
    const { kind, from, to, id } = record
    return { kind, from, to, id }
  }
  const { n: _, ...message } = record
  return message
}
