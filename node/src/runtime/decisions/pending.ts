import {
  type ChannelRecord,
  decodeBatch,
  type Identifier,
  isChannelRecord,
  type Namespaces,
  type OutcomeRecord,
} from '@halfsecond/protocol'
import { numberOf } from '../../core/shard/fold.ts'
import type { ShardState } from '../../core/shard/shard-state.ts'

/** A record that an answer reflects before any fold has seen it. An erase waits for its fold. */
export type PendingRecord = Exclude<ChannelRecord, { kind: 'erase' }>

interface Waiting {
  readonly producer: string
  readonly number: number
  readonly record: PendingRecord
  /** What it came in. */
  readonly batch: Uint8Array
}

/** Records that a question brings along because they have no position yet, in order. */
export class Pending {
  static readonly none = new Pending([])

  private readonly waiting: readonly Waiting[]

  private constructor(waiting: readonly Waiting[]) {
    this.waiting = waiting
  }

  /**
   * Records that no rule accepts are left out: the log will refuse them too.
   * @throws HalfsecondError `MALFORMED`, `TOO_LARGE` or `INVALID` for bytes that are no batch
   */
  static read(batches: readonly Uint8Array[], namespaces: Namespaces): Pending {
    if (batches.length === 0) return Pending.none
    const waiting: Waiting[] = []
    for (const batch of batches) {
      const { producer, n, records } = decodeBatch(batch)
      let number = n - 1
      for (const record of records) {
        number = numberOf(record, number)
        if (isChannelRecord(record, namespaces) && record.kind !== 'erase')
          waiting.push({ producer, number, record, batch })
      }
    }
    return new Pending(waiting)
  }

  /** The records about `key` that the fold of its home has not seen. */
  of(key: Identifier, state: Pick<ShardState, 'producers' | 'time'>): readonly PendingRecord[] {
    if (this.waiting.length === 0) return noRecords
    const unseen: PendingRecord[] = []
    for (const { producer, number, record } of this.waiting)
      if (record.key === key && number > state.producers.last(producer, state.time.now))
        unseen.push(record)
    return unseen
  }

  /** What they say of propositions. */
  outcomes(): readonly OutcomeRecord[] {
    const outcomes: OutcomeRecord[] = []
    for (const { record } of this.waiting) if (record.kind === 'outcome') outcomes.push(record)
    return outcomes
  }

  /** The batches that hold a record about `key`; its home tells which of them it has seen. */
  batchesAbout(key: Identifier): readonly Uint8Array[] {
    const batches = new Set<Uint8Array>()
    for (const { record, batch } of this.waiting) if (record.key === key) batches.add(batch)
    return [...batches]
  }
}

const noRecords: readonly PendingRecord[] = []
