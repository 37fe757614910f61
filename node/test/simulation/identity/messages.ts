import { type OutboxBatch, outboxBatch } from '../../../src/core/shard/outbox.ts'
import { type Signal, signalDestination } from '../../../src/core/shard/signal.ts'
import type { Dice } from '../dice.ts'
import type { IdentityReplica } from './identity-replica.ts'
import { shardCount } from './people.ts'
import type { ShardLogs } from './shard-logs.ts'

/** What a primary that loses its shard still has in hand. */
interface Kept {
  readonly from: number
  readonly to: number
  readonly bytes: Uint8Array
  readonly upTo: number
  readonly epoch: number
}

export type Publish = (bytes: Uint8Array, from: number, to: number) => Uint8Array | undefined

/** Whom a shard may have something for: all shards, and other systems. */
const destinationCount = shardCount + 1

/** Brings what shards have for others into their logs, and signals to whoever follows them, as their primaries do. */
export class Messages {
  /** What others were told, by the shard that told it and its number, in the order that it came first. */
  readonly signals = new Map<string, Signal>()
  private readonly logs: ShardLogs
  private readonly replica: (shard: number) => IdentityReplica
  private readonly wrongly: Publish | undefined
  /** By source and destination: up to where it was published, and not yet written down as sent. */
  private readonly flights = new Map<number, number>()
  /** How far a primary knows that its destination has it, before its own shard folded that. */
  private readonly sentUpTo = new Map<number, number>()
  private readonly kept: Kept[] = []

  constructor(
    logs: ShardLogs,
    replica: (shard: number) => IdentityReplica,
    wrongly: Publish | undefined,
  ) {
    this.logs = logs
    this.replica = replica
    this.wrongly = wrongly
  }

  /** Publishes what one of the sources has that have something; one publish for each destination. */
  publish(which: number): void {
    const pairs = this.waiting().filter((pair) => !this.flights.has(pair))
    const pair = pairs[which % pairs.length]
    if (pair !== undefined) this.publishPair(pair)
  }

  /** Writes down for one of the publishes that it arrived. */
  confirm(which: number): void {
    const pairs = [...this.flights.keys()]
    const pair = pairs[which % pairs.length]
    if (pair !== undefined) this.confirmPair(pair)
  }

  /** A primary has something in hand while it loses its shard. */
  keep(which: number): void {
    const pairs = this.waiting()
    const pair = pairs[which % pairs.length]
    const batch = pair === undefined ? undefined : this.batchOf(pair)
    if (pair === undefined || batch?.bytes === undefined) return
    const { from, to } = endsOf(pair)
    const { bytes, upTo } = batch
    this.kept.push({ from, to, bytes, upTo, epoch: this.logs.epochOf(from) })
  }

  /** And publishes it now. Returns whether there was any. */
  publishKept(which: number): boolean {
    const kept = this.kept[which % this.kept.length]
    if (kept === undefined) return false
    const { from, to, bytes, upTo, epoch } = kept
    this.logs.append(to, bytes, true)
    this.logs.own(from, { kind: 'sent', epoch, destination: to, upTo })
    return true
  }

  /** What the primary of a shard knew besides its log. */
  forget(shard: number): void {
    for (let to = 0; to < destinationCount; to++) {
      this.flights.delete(pairOf(shard, to))
      this.sentUpTo.delete(pairOf(shard, to))
    }
  }

  /** Publishes or confirms one thing of a shard. Returns whether there was any. */
  sendOne(from: number, dice: Dice): boolean {
    const turn = dice.below(destinationCount)
    for (let i = 0; i < destinationCount; i++) {
      const pair = pairOf(from, (turn + i) % destinationCount)
      if (this.flights.has(pair)) this.confirmPair(pair)
      else if (this.isWaiting(pair)) this.publishPair(pair)
      else continue
      return true
    }
    return false
  }

  private waiting(): number[] {
    const pairs = []
    for (let pair = 0; pair < shardCount * destinationCount; pair++)
      if (this.isWaiting(pair)) pairs.push(pair)
    return pairs
  }

  private isWaiting(pair: number): boolean {
    for (const _ of this.rowsOf(pair)) return true
    return false
  }

  private rowsOf(pair: number): ReturnType<IdentityReplica['state']['outbox']['rows']> {
    const { from, to } = endsOf(pair)
    return this.replica(from).state.outbox.rows(to, this.sentUpTo.get(pair) ?? 0)
  }

  private batchOf(pair: number): OutboxBatch | undefined {
    const { from, to } = endsOf(pair)
    const replica = this.replica(from)
    if (to === signalDestination(shardCount)) return this.signalBatch(from, pair)
    return outboxBatch(from, this.rowsOf(pair), (holder, id) => replica.copyOf(holder, id))
  }

  /** Signals have no bytes here: they are there once the batch is. */
  private signalBatch(from: number, pair: number): OutboxBatch | undefined {
    const rows = [...this.rowsOf(pair)]
    const last = rows.at(-1)
    for (const { n, message } of rows) {
      const id = `${from} ${n}`
      if (message.kind === 'signal' && !this.signals.has(id)) this.signals.set(id, message)
    }
    return last && { bytes: undefined, upTo: last.n }
  }

  private publishPair(pair: number): void {
    const batch = this.batchOf(pair)
    if (batch === undefined) return
    const { from, to } = endsOf(pair)
    const { wrongly } = this
    const bytes = wrongly && batch.bytes ? wrongly(batch.bytes, from, to) : batch.bytes
    if (bytes) this.logs.append(to, bytes, true)
    this.flights.set(pair, batch.upTo)
  }

  private confirmPair(pair: number): void {
    const upTo = this.flights.get(pair)
    if (upTo === undefined) return
    this.flights.delete(pair)
    this.sentUpTo.set(pair, upTo)
    const { from, to } = endsOf(pair)
    const epoch = this.logs.epochOf(from)
    this.logs.own(from, { kind: 'sent', epoch, destination: to, upTo })
  }
}

function pairOf(from: number, to: number): number {
  return from * destinationCount + to
}

function endsOf(pair: number): { readonly from: number; readonly to: number } {
  return { from: Math.floor(pair / destinationCount), to: pair % destinationCount }
}
