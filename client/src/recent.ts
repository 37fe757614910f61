import { encodeBatch, type Identifier, type Position } from '@halfsecond/protocol'
import type { SentRecord } from './sent-record.ts'

/** Keys in one generation; at least so many are remembered, at most twice as many. */
const generationKeys = 100_000

/**
 * What this client wrote lately, by key: so that its own last click is always reflected. Each key
 * leads to its newest record, and from there to those before it that still matter.
 *
 * A key has one shard, and a shard's records are acknowledged in order: those before an
 * acknowledged record are too. A failed one stays in the chain for those before it.
 *
 * Kept in two generations, so that forgetting costs nothing per key: a key that was acknowledged
 * and not used for a whole generation is forgotten, which costs a decide of it a position at most.
 */
export class Recent {
  private young = new Map<Identifier, SentRecord>()
  private old = new Map<Identifier, SentRecord>()

  sent(record: SentRecord): void {
    record.previous = this.newestOf(record.key)
    this.young.set(record.key, record)
    if (this.young.size >= generationKeys) this.age()
  }

  /** A node answered from `position`: what was acknowledged up to there need not be asked for. */
  reflected(key: Identifier, position: Position): void {
    const newest = this.newestOf(key)
    if (newest?.fate !== 'acknowledged' || newest.position?.shard !== position.shard) return
    const isReached =
      newest.position.incarnation !== position.incarnation ||
      newest.position.sequence <= position.sequence
    if (isReached && !this.young.delete(key)) this.old.delete(key)
  }

  /** Position of the key's newest acknowledged record. */
  positionOf(key: Identifier): Position | undefined {
    let record = this.newestOf(key)
    while (record && record.fate !== 'acknowledged') record = record.previous
    return record?.position
  }

  /** Batches of the key's unacknowledged records: runs of consecutive numbers, oldest first. */
  pendingOf(key: Identifier): Uint8Array[] {
    const pending: SentRecord[] = []
    for (let record = this.newestOf(key); record; record = record.previous) {
      if (record.fate === 'pending') pending.push(record)
    }
    const batches: Uint8Array[] = []
    let run: SentRecord[] = []
    for (const record of pending.reverse()) {
      const last = run[run.length - 1]
      if (last && record.n !== last.n + 1) {
        batches.push(encodeRun(run))
        run = []
      }
      run.push(record)
    }
    if (run.length > 0) batches.push(encodeRun(run))
    return batches
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

function encodeRun(run: readonly SentRecord[]): Uint8Array {
  const [first] = run
  return encodeBatch(
    first?.producer ?? '',
    first?.n ?? 1,
    run.map(({ bytes }) => bytes),
  )
}
