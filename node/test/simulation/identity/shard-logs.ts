import {
  type ChannelRecord,
  encode,
  encodeBatch,
  type PrimaryOwnRecord,
  shardOf,
} from '@halfsecond/protocol'
import { foldVersion, type LogEntry } from '../../../src/core/shard/shard-state.ts'
import { shardCount } from './people.ts'

/** What a channel told, where its log has it. */
export interface Told {
  readonly record: ChannelRecord
  readonly shard: number
  readonly sequence: number
  readonly index: number
  /** The time that counts. */
  readonly at: number
}

/** The logs of all shards, each with a clock of its own, and who may write as their primary. */
export class ShardLogs {
  readonly told: Told[] = []
  nowMs = 0
  private readonly logs: readonly LogEntry[][]
  private readonly skewsMs: number[]
  private readonly epochs: number[]
  private readonly channelEntries: { readonly shard: number; readonly bytes: Uint8Array }[] = []

  constructor(skewsMs: readonly number[]) {
    this.skewsMs = [...skewsMs]
    this.logs = Array.from({ length: shardCount }, () => [])
    this.epochs = Array.from({ length: shardCount }, () => 1)
    for (let shard = 0; shard < shardCount; shard++)
      this.own(shard, { kind: 'barrier', epoch: this.epochOf(shard), foldVersion })
  }

  entries(shard: number): readonly LogEntry[] {
    return this.logs[shard] ?? []
  }

  setClock(shard: number, skewMs: number): void {
    this.skewsMs[shard] = skewMs
  }

  append(shard: number, bytes: Uint8Array, own: boolean): LogEntry {
    const log = this.logs[shard] ?? []
    const timestamp = this.nowMs + (this.skewsMs[shard] ?? 0)
    const entry = { sequence: log.length + 1, timestamp, own, bytes }
    log.push(entry)
    return entry
  }

  /** Records of one identifier, as a batch of a producer of its own. */
  tell(records: readonly ChannelRecord[]): void {
    const [first] = records
    if (first === undefined) return
    const shard = shardOf(first.key, shardCount)
    const encoded = records.map((record) => encode(record))
    const bytes = encodeBatch(`t${this.channelEntries.length}`, 1, encoded)
    this.channelEntries.push({ shard, bytes })
    const { sequence, timestamp } = this.append(shard, bytes, false)
    for (const [index, record] of records.entries())
      this.told.push({ record, shard, sequence, index, at: Math.min(record.at, timestamp) })
  }

  tellAgain(which: number): void {
    const entry = this.channelEntries[which % this.channelEntries.length]
    if (entry) this.append(entry.shard, entry.bytes, false)
  }

  epochOf(shard: number): number {
    return this.epochs[shard] ?? 1
  }

  /** Another primary leads the shard from here on. */
  nextPrimary(shard: number): void {
    const epoch = this.epochOf(shard) + 1
    this.epochs[shard] = epoch
    this.own(shard, { kind: 'primary', epoch, node: `n${epoch}` })
  }

  own(shard: number, record: PrimaryOwnRecord): LogEntry {
    return this.append(shard, encodeBatch(`primary:${record.epoch}`, 1, [encode(record)]), true)
  }
}
