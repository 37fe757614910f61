import { toHalfsecondError } from '@halfsecond/protocol'
import type { ReplicaReport, ReplicaStatus, Replicas } from '../../core/cluster/cluster-map.ts'
import type { Actors } from '../actors/actors.ts'
import type { Bus, Clock, Log, Observer, Signals, Store, Timer } from '../ports.ts'
import type { Checkpointer } from '../shards/checkpointer.ts'
import { Primary } from '../shards/primary.ts'
import { Shard, type ShardDependencies } from '../shards/shard.ts'
import type { Hash } from '../shards/signal-batch.ts'
import { importSnapshot } from './snapshot-import.ts'

/** Where a copy and its replay would take longer than a copy, the copy is taken. */
const replayMaxEntries = 100_000

const retryMs = 1_000

export interface HoldingDependencies extends ShardDependencies {
  readonly node: string
  readonly boot: string
  readonly log: Log
  readonly signals: Signals
  readonly hash: Hash
  readonly store: Store
  readonly bus: Bus
  readonly actors: Actors
  readonly clock: Clock
  readonly observer: Observer
  readonly checkpointer: () => Checkpointer
  /** Other nodes whose replica of a shard can be copied, the best first. */
  readonly donors: (shard: number) => readonly string[]
  /** Called when the shard is there, and when it is no longer. */
  readonly onShard: (number: number, shard: Shard | undefined) => void
  /** Called when others should know at once. */
  readonly onChange: () => void
}

/**
 * One shard that the map gives to this node, from opening to dropping it.
 *
 *   opening ──store has it──► replaying ──caught up──► following
 *      └─────empty, or the log was trimmed above it──► copying a snapshot ──► replaying
 *
 * H1 a copy counts only once it is whole: its meta row is written last.
 * H2 the shard is led only while the map names this life of this node.
 */
export class Holding {
  readonly number: number
  shard: Shard | undefined
  /** What keeps it from being opened, in words. */
  problem = ''
  private readonly uses: HoldingDependencies
  private primary: Primary | undefined
  private entry: Replicas
  private timer: Timer | undefined
  private claiming = 0
  private claimedAt = 0
  /** Position that the copy under way will have: the log must keep what follows. */
  private copying = 0
  private isDropped = false
  private opening: Promise<void>
  private readonly waiting: (() => void)[] = []

  constructor(number: number, entry: Replicas, uses: HoldingDependencies) {
    this.number = number
    this.entry = entry
    this.uses = uses
    this.opening = this.open()
  }

  get isLeading(): boolean {
    return this.primary?.isLeading === true
  }

  /** Whether it follows and leads as the map says, or says why it does not. */
  get isSettled(): boolean {
    const { shard } = this
    if (this.problem !== '') return true
    if (shard === undefined) return false
    return shard.isStopped || (shard.status === 'following' && (!this.isOurs || this.isLeading))
  }

  get leader(): Primary | undefined {
    return this.isLeading ? this.primary : undefined
  }

  /** The map changed. */
  assign(entry: Replicas): void {
    this.entry = entry
    if (this.isOurs) void this.claim()
    else this.primary?.standDown()
  }

  report(isDiskFailing: boolean): ReplicaReport {
    const { shard } = this
    const digest = shard?.digest ?? { at: 0, digest: '' }
    return {
      status: this.status(isDiskFailing),
      applied: shard?.state.applied ?? 0,
      flushed: shard?.flushed ?? this.copying,
      epoch: shard?.state.epoch ?? 0,
      digestAt: digest.at,
      digest: digest.digest,
      unsentMs: shard?.unsentMs() ?? 0,
    }
  }

  /** Resolves when it is settled or dropped. */
  settled(): Promise<void> {
    if (this.isSettled || this.isDropped) return Promise.resolve()
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  /** Lets go of the shard; its rows stay. Resolves when nothing of it is in memory. */
  async close(): Promise<void> {
    this.isDropped = true
    this.timer?.cancel()
    this.primary?.close()
    await this.shard?.close()
    this.changed()
  }

  /**
   * Lets go of the shard and of its rows: others have it. Never rejects: rows that cannot be removed
   * stay, and are what the shard begins with where it comes back.
   */
  async drop(): Promise<void> {
    await this.close()
    await this.opening
    await this.forget()
    try {
      await this.uses.store.shard(this.number).clear()
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', `shard ${this.number} keeps its rows`)
      this.uses.observer.failed('drop', failure)
    }
  }

  private get isOurs(): boolean {
    const { node, boot } = this.uses
    return this.entry.primary === node && this.entry.boot === boot
  }

  private status(isDiskFailing: boolean): ReplicaStatus {
    const { shard } = this
    if (shard === undefined || shard.status === 'recovering') return 'recovering'
    if (shard.isStopped || isDiskFailing) return 'stopped'
    return shard.isFresh ? 'hot' : 'lagging'
  }

  private async open(): Promise<void> {
    if (this.isDropped) return
    const { uses, number } = this
    try {
      const extent = await uses.log.extent(number)
      const store = uses.store.shard(number)
      if (store.meta() === undefined) {
        // Rows without a meta row are what an interrupted copy or clear left.
        await store.clear()
        await this.fill(extent)
      }
      if (this.isDropped) return
      const shard = new Shard(number, extent.incarnation, store, uses)
      this.copying = 0
      this.take(shard)
      await shard.follow()
      this.problem = ''
      if (this.isOurs) void this.claim()
    } catch (error) {
      if (this.shard?.isStopped !== true) this.failed(error)
    }
    this.changed()
  }

  private take(shard: Shard): void {
    const { node, onShard } = this.uses
    this.shard = shard
    this.primary = new Primary(node, shard, this.uses)
    shard.onStop = () => this.stopped(shard)
    onShard(this.number, shard)
  }

  /** An empty store: the log has it all, or another replica has what the log no longer has. */
  private async fill(extent: { readonly first: number; readonly last: number }): Promise<void> {
    const { uses, number } = this
    const { bus, store, clock, observer } = uses
    const donors = uses.donors(number)
    const isTrimmed = extent.first > 1
    const isLong = extent.last - extent.first > replayMaxEntries
    if (!isTrimmed && !(isLong && donors.length > 0)) return
    const failures: string[] = []
    for (const node of donors) {
      try {
        const onBegin = (applied: number) => {
          this.copying = applied
          uses.onChange()
        }
        await importSnapshot({ bus, node, shard: number, store, clock, observer, onBegin })
        return
      } catch (error) {
        this.copying = 0
        failures.push(error instanceof Error ? error.message : String(error))
      }
    }
    const why = failures.length > 0 ? failures.join('; ') : 'no other replica is caught up'
    throw toHalfsecondError(
      undefined,
      'UNAVAILABLE',
      `shard ${number} waits for a copy: its log begins at ${extent.first} (${why})`,
    )
  }

  /** What was trimmed away comes from another replica; everything else is for a human. */
  private stopped(shard: Shard): void {
    this.primary?.close()
    this.changed()
    this.uses.onChange()
    if (shard.discontinuity !== 'TRIM_GAP' || this.uses.donors(this.number).length === 0) return
    this.timer = this.uses.clock.after(0, () => void this.refill(shard))
  }

  private async refill(shard: Shard): Promise<void> {
    await shard.close()
    await this.forget()
    try {
      await this.uses.store.shard(this.number).clear()
      this.opening = this.open()
    } catch (error) {
      this.failed(error)
    }
  }

  private async forget(): Promise<void> {
    const { shard } = this
    if (shard === undefined) return
    this.shard = undefined
    this.uses.onShard(this.number, undefined)
    await this.uses.checkpointer().settled(shard)
    shard.memory.dispose()
  }

  /** Claims until this node leads, or the map says otherwise. */
  private async claim(): Promise<void> {
    const { primary, shard, entry } = this
    const { clock, observer } = this.uses
    if (primary === undefined || shard?.status !== 'following' || this.isDropped) return
    if (this.claiming === entry.epoch || primary.isLeadingIn(entry.epoch)) return
    this.claiming = entry.epoch
    this.claimedAt = clock.monotonic()
    while (this.isOurs && this.entry.epoch === entry.epoch && !this.isDropped && !shard.isStopped) {
      try {
        await primary.lead(entry.epoch)
        if (primary.isLeading) {
          observer.promoted(this.number, (clock.monotonic() - this.claimedAt) / 1_000)
          break
        }
        if (shard.state.epoch > entry.epoch) break
      } catch (error) {
        const failure = toHalfsecondError(error, 'UNAVAILABLE', `cannot lead shard ${this.number}`)
        this.problem = failure.message
        observer.failed('claim', failure)
        await new Promise<void>((resolve) => clock.after(retryMs / 2, resolve))
      }
    }
    if (this.claiming === entry.epoch) this.claiming = 0
    this.problem = ''
    this.changed()
    this.uses.onChange()
  }

  private failed(error: unknown): void {
    if (this.isDropped) return
    const failure = toHalfsecondError(error, 'UNAVAILABLE', `cannot open shard ${this.number}`)
    if (failure.message !== this.problem) this.uses.observer.failed('open', failure)
    this.problem = failure.message
    this.timer = this.uses.clock.after(retryMs, () => {
      this.opening = this.open()
    })
  }

  private changed(): void {
    if (!this.isSettled && !this.isDropped) return
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}
