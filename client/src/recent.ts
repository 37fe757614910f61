import {
  bounds,
  decodeTrusted,
  encode,
  encodeBatch,
  type Identifier,
  isFields,
  type Position,
  type WirePosition,
} from '@halfsecond/protocol'
import { SentRecord } from './sent-record.ts'

/** Keys in one generation; at least so many are remembered, at most twice as many. */
const generationKeys = 100_000

/** Pending records in one question: several keys' fit a frame. */
const pendingBytes = 48 * 1024

/** A record's own number, encoded. */
const numberBytes = 12

const noBytes = new Uint8Array(0)

/**
 * What this client wrote lately, by key: so that its own last click is always reflected. Each key
 * leads to its newest record, and from there to those before it that still matter.
 *
 * A key has one shard, and a shard's records are acknowledged in order: those before an
 * acknowledged record are too. A failed one leaves the chain when the next one joins it.
 *
 * Kept in two generations, so that forgetting costs nothing per key: a key that was acknowledged
 * and not used for a whole generation is forgotten, which costs a decide of it a position at most.
 */
export class Recent {
  private young = new Map<Identifier, SentRecord>()
  private old = new Map<Identifier, SentRecord>()

  sent(record: SentRecord): void {
    let previous = this.newestOf(record.key)
    while (previous?.fate === 'failed') previous = previous.previous
    record.previous = previous
    this.keep(record)
  }

  private keep(record: SentRecord): void {
    this.young.set(record.key, record)
    if (this.young.size >= generationKeys) this.age()
  }

  /** The key's record of this position was made elsewhere: by its token, through a node. */
  learned(key: Identifier, position: Position): void {
    const newest = this.newestOf(key)
    const record = new SentRecord(key, noBytes)
    record.shard = position.shard
    record.acknowledge(position)
    if (newest?.fate === 'pending') record.previous = newest
    else if (newest?.position && isBefore(position, newest.position)) return
    this.keep(record)
  }

  /** A node dropped positions: those of these keys that are of another life of the log go. */
  reset(keys: readonly Identifier[], [shard, incarnation]: WirePosition): void {
    for (const key of keys) {
      for (let record = this.newestOf(key); record; record = record.previous) {
        if (record.shard === shard && record.position?.incarnation !== incarnation)
          record.position = undefined
      }
    }
  }

  /** Position of the key's acknowledged records: the furthest. */
  positionOf(key: Identifier): Position | undefined {
    let furthest: Position | undefined
    for (let record = this.newestOf(key); record; record = record.previous) {
      const { position } = record
      if (position && (furthest === undefined || isBefore(furthest, position))) furthest = position
    }
    return furthest
  }

  /**
   * The key's unacknowledged records as one batch, oldest first, or undefined where there are none.
   * Of very many, the newest that fit a question.
   */
  pendingOf(key: Identifier): Uint8Array | undefined {
    const pending: SentRecord[] = []
    let bytes = 0
    for (let record = this.newestOf(key); record; record = record.previous) {
      if (record.fate !== 'pending') continue
      bytes += record.size + numberBytes
      if (bytes > pendingBytes || pending.length === bounds.recordsPerBatch) break
      pending.push(record)
    }
    return pending.length === 0 ? undefined : encodePending(pending.reverse())
  }

  private newestOf(key: Identifier): SentRecord | undefined {
    return this.young.get(key) ?? this.old.get(key)
  }

  /** What is not acknowledged yet is never forgotten: the queue bounds it. */
  private age(): void {
    const kept = new Map<Identifier, SentRecord>()
    for (const [key, record] of this.old) if (record.fate === 'pending') kept.set(key, record)
    this.old = this.young
    this.young = kept
  }
}

/** Between them are records of other keys, so each that does not follow its neighbour has its own number. */
function encodePending(pending: readonly SentRecord[]): Uint8Array {
  const [first] = pending
  let last = first === undefined ? 0 : first.n - 1
  const records = pending.map(({ n, bytes }) => {
    const isNext = n === last + 1
    last = n
    return isNext ? bytes : numbered(bytes, n)
  })
  return encodeBatch(first?.producer ?? '', first?.n ?? 1, records)
}

function isBefore(one: Position, other: Position): boolean {
  return one.incarnation === other.incarnation && one.sequence < other.sequence
}

function numbered(bytes: Uint8Array, n: number): Uint8Array {
  const record = decodeTrusted(bytes)
  return isFields(record) ? encode({ ...record, n }) : bytes
}
