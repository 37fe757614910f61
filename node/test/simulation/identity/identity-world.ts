import {
  type ChannelRecord,
  encode,
  encodeBatch,
  type FragmentId,
  identifierIn,
  type PrimaryOwnRecord,
  shardOf,
} from '@halfsecond/protocol'
import { Arena } from '../../../src/core/fragment/arena.ts'
import type { Fragment } from '../../../src/core/fragment/fragment.ts'
import { outboxBatch } from '../../../src/core/shard/outbox.ts'
import type { LogEntry } from '../../../src/core/shard/shard-state.ts'
import { Dice } from '../dice.ts'
import type { History, Step } from './history.ts'
import { IdentityReplica } from './identity-replica.ts'
import type { Violation } from './laws.ts'
import { shardCount } from './people.ts'

/** A wrong program: what it does to what a primary publishes, and to a replica that has folded. */
export interface Plant {
  /** A world begins. */
  readonly began?: () => void
  /** The batch as the wrong program publishes it; undefined: not at all. */
  readonly publish?: (bytes: Uint8Array, from: number, to: number) => Uint8Array | undefined
  readonly folded?: (replica: IdentityReplica) => void
}

/** What a channel told, where its log has it. */
export interface Told {
  readonly record: ChannelRecord
  readonly shard: number
  readonly sequence: number
  /** The time that counts. */
  readonly at: number
}

/** What a primary has published and not yet written down as sent. */
interface Flight {
  readonly upTo: number
}

/** What a primary that lost its shard still has in hand. */
interface Kept {
  readonly from: number
  readonly to: number
  readonly bytes: Uint8Array
  readonly upTo: number
  readonly epoch: number
}

/** Things that are done until nothing is under way; a world that needs more never comes to rest. */
const settlingMax = 4_000

/** Blocks are given back after each history, so one arena serves them all. */
const arena = new Arena()

/** Four shards with their logs, each folded by one replica whose node leads it. */
export class IdentityWorld {
  readonly logs: readonly LogEntry[][]
  readonly replicas: IdentityReplica[]
  readonly told: Told[] = []
  /** By fragment: the last entry that erased it. */
  readonly erasedBy = new Map<FragmentId, number>()
  /** Whether any link was ever refused. */
  hasRefused = false
  /** What was found wrong while it went on. */
  wrong: Violation | undefined
  /** Published batches, by source and destination. */
  private readonly flights = new Map<number, Flight>()
  /** How far a primary knows that its destination has it, before its own shard folded that. */
  private readonly sentUpTo = new Map<number, number>()
  private readonly epochs: number[]
  private readonly kept: Kept[] = []
  private readonly channelEntries: { readonly shard: number; readonly bytes: Uint8Array }[] = []
  private readonly dice: Dice
  private readonly history: History
  private readonly plant: Plant
  private readonly erases = new Map<FragmentId, number>()
  private nowMs = 0

  constructor(history: History, plant: Plant = {}) {
    this.history = history
    this.plant = plant
    plant.began?.()
    this.dice = new Dice(history.seed ^ 0x5e771e)
    this.logs = Array.from({ length: shardCount }, () => [])
    this.epochs = Array.from({ length: shardCount }, () => 1)
    this.replicas = Array.from({ length: shardCount }, (_, shard) => newReplica(shard))
  }

  apply(step: Step): void {
    switch (step.kind) {
      case 'tell':
        this.nowMs = step.nowMs
        this.tell(step.record)
        break
      case 'again':
        this.tellAgain(step.which)
        break
      case 'fold':
        for (let i = 0; i < step.count; i++) this.fold(step.shard)
        break
      case 'publish':
        this.publish(step.from, step.to)
        break
      case 'confirm':
        this.confirm(step.from, step.to)
        break
      case 'keep':
        this.keep(step.from, step.to)
        break
      case 'late':
        this.publishLate(step.which)
        break
      case 'restart':
        this.restart(step.shard, step.by)
        break
      case 'settle':
        this.settle()
        break
    }
  }

  /** Lets everything arrive, in any order. */
  settle(): void {
    for (let done = 0; done < settlingMax; done++) if (!this.settleOne()) return
    const what = `after ${settlingMax} entries and messages there are still more`
    this.wrong ??= { law: 'it comes to rest', what }
  }

  /** A replica that begins with nothing and folds all that the shard's log has. */
  refolded(shard: number, upTo: number): IdentityReplica {
    const replica = newReplica(shard)
    const entries = this.logs[shard] ?? []
    for (let i = 0; i < upTo; i++) {
      const entry = entries[i]
      if (entry) replica.fold(entry)
      this.plant.folded?.(replica)
    }
    return replica
  }

  replica(shard: number): IdentityReplica {
    const replica = this.replicas[shard]
    if (replica === undefined) throw new RangeError(`no shard ${shard}`)
    return replica
  }

  /** The replica that holds a fragment. */
  replicaOf(id: FragmentId): IdentityReplica {
    return this.replica(shardOf(identifierIn(id), shardCount))
  }

  /** The fragment at its home. */
  fragment(id: FragmentId): Fragment | undefined {
    return this.replicaOf(id).fragments.get(id)
  }

  /** A copy of it, as its home would make it now. */
  copyOf(id: FragmentId): Uint8Array | undefined {
    return this.replicaOf(id).copyOf(id, id)
  }

  /** Folds all that is in logs; what follows from it is not sent yet. */
  foldAll(): void {
    for (let shard = 0; shard < shardCount; shard++) while (this.hasMore(shard)) this.fold(shard)
  }

  /** Gives memory back. */
  end(): void {
    for (const replica of this.replicas) replica.end()
  }

  private tell(record: ChannelRecord): void {
    const shard = shardOf(record.key, shardCount)
    const { length } = this.channelEntries
    const bytes = encodeBatch(`t${length}`, 1, [encode(record)])
    this.channelEntries.push({ shard, bytes })
    const { sequence, timestamp } = this.append(shard, bytes, false)
    this.told.push({ record, shard, sequence, at: Math.min(record.at, timestamp) })
  }

  private tellAgain(which: number): void {
    const entry = this.channelEntries[which % this.channelEntries.length]
    if (entry) this.append(entry.shard, entry.bytes, false)
  }

  private append(shard: number, bytes: Uint8Array, own: boolean): LogEntry {
    const log = this.logs[shard] ?? []
    const timestamp = this.nowMs + (this.history.skewsMs[shard] ?? 0)
    const entry = { sequence: log.length + 1, timestamp, own, bytes }
    log.push(entry)
    return entry
  }

  private own(shard: number, record: PrimaryOwnRecord): void {
    this.append(shard, encodeBatch(`primary:${record.epoch}`, 1, [encode(record)]), true)
  }

  private fold(shard: number): void {
    const replica = this.replica(shard)
    const entry = this.logs[shard]?.[replica.state.applied]
    if (entry === undefined) return
    replica.fold(entry)
    this.note(replica, entry.sequence)
    this.plant.folded?.(replica)
  }

  private note(replica: IdentityReplica, sequence: number): void {
    for (const id of replica.touched) {
      const ties = replica.fragments.get(id)?.ties
      this.hasRefused ||= [...(ties?.links.values() ?? [])].some((l) => l.state === 'refused')
      const erases = ties?.tomb?.erasures.size ?? 0
      if (erases <= (this.erases.get(id) ?? 0)) continue
      this.erases.set(id, erases)
      this.erasedBy.set(id, sequence)
    }
    replica.touched.clear()
  }

  private publish(from: number, to: number): void {
    const pair = pairOf(from, to)
    if (this.flights.has(pair)) return
    const batch = this.batchFor(from, to)
    if (batch === undefined) return
    const { publish } = this.plant
    const bytes = publish && batch.bytes ? publish(batch.bytes, from, to) : batch.bytes
    if (bytes) this.append(to, bytes, true)
    this.flights.set(pair, { upTo: batch.upTo })
  }

  private batchFor(from: number, to: number): ReturnType<typeof outboxBatch> {
    const replica = this.replica(from)
    const rows = replica.state.outbox.rows(to, this.sentUpTo.get(pairOf(from, to)) ?? 0)
    return outboxBatch(from, rows, (holder, id) => replica.copyOf(holder, id))
  }

  private confirm(from: number, to: number): void {
    const pair = pairOf(from, to)
    const flight = this.flights.get(pair)
    if (flight === undefined) return
    this.flights.delete(pair)
    this.sentUpTo.set(pair, flight.upTo)
    const epoch = this.epochs[from] ?? 1
    this.own(from, { kind: 'sent', epoch, destination: to, upTo: flight.upTo })
  }

  private keep(from: number, to: number): void {
    const batch = this.batchFor(from, to)
    if (batch?.bytes === undefined) return
    const { bytes, upTo } = batch
    this.kept.push({ from, to, bytes, upTo, epoch: this.epochs[from] ?? 1 })
  }

  private publishLate(which: number): void {
    const kept = this.kept[which % this.kept.length]
    if (kept === undefined) return
    const { from, to, bytes, upTo, epoch } = kept
    this.append(to, bytes, true)
    if (epoch < (this.epochs[from] ?? 1) || which % 2 === 0)
      this.own(from, { kind: 'sent', epoch, destination: to, upTo })
  }

  /** What was published and not written down is forgotten; what the log has is not. */
  private restart(shard: number, by: 'log' | 'rows'): void {
    const dead = this.replica(shard)
    const next = by === 'rows' ? dead.fromRows() : this.refolded(shard, dead.state.applied)
    const what = `shard ${shard} has another state than its ${by} at ${dead.state.applied}`
    if (next.summary() !== dead.summary())
      this.wrong ??= { law: 'the same log gives the same state', what }
    dead.end()
    this.replicas[shard] = next
    for (let to = 0; to < shardCount; to++) {
      this.flights.delete(pairOf(shard, to))
      this.sentUpTo.delete(pairOf(shard, to))
    }
    const epoch = (this.epochs[shard] ?? 1) + 1
    this.epochs[shard] = epoch
    this.own(shard, { kind: 'primary', epoch, node: `n${epoch}` })
  }

  /** Does one of the things that are left to do, whichever the dice choose. */
  private settleOne(): boolean {
    const turn = this.dice.below(shardCount)
    const isMessage = this.dice.chance(0.3)
    for (let i = 0; i < shardCount; i++) {
      const shard = (turn + i) % shardCount
      if (isMessage && this.sendOne(shard)) return true
      if (this.hasMore(shard)) {
        this.fold(shard)
        return true
      }
    }
    for (let shard = 0; shard < shardCount; shard++) if (this.sendOne(shard)) return true
    return false
  }

  private hasMore(shard: number): boolean {
    return this.replica(shard).state.applied < (this.logs[shard]?.length ?? 0)
  }

  /** Publishes or confirms one thing of a shard's outbox. */
  private sendOne(from: number): boolean {
    const turn = this.dice.below(shardCount)
    for (let i = 0; i < shardCount; i++) {
      const to = (turn + i) % shardCount
      if (this.flights.has(pairOf(from, to))) {
        this.confirm(from, to)
        return true
      }
      if (this.batchFor(from, to) === undefined) continue
      this.publish(from, to)
      return true
    }
    return false
  }
}

function pairOf(from: number, to: number): number {
  return from * shardCount + to
}

function newReplica(shard: number): IdentityReplica {
  return new IdentityReplica(shard, shardCount, arena)
}
