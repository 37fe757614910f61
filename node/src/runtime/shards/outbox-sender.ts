import { toHalfsecondError } from '@halfsecond/protocol'
import { outboxBatch } from '../../core/shard/outbox.ts'
import { signalDestination } from '../../core/shard/signal.ts'
import type { Clock, Log, Observer, Signals, Timer } from '../ports.ts'
import type { Shard } from './shard.ts'
import { type Hash, signalBatch } from './signal-batch.ts'

/** How long acknowledgements are gathered where the log is told of them before the next tick. */
const gatherMs = 250

/** Rows that have arrived are passed over by each publish: with so many, the log is told earlier. */
const rowsMany = 256

/** Pause after a destination's log took nothing. */
const retryMs = 500

export interface OutboxSenderDependencies {
  readonly shard: Shard
  readonly log: Log
  readonly signals: Signals
  readonly hash: Hash
  readonly clock: Clock
  readonly observer: Observer
  /** Whether this node may act for the shard now. */
  readonly isLeading: () => boolean
  /** Writes to the shard's own log what has arrived where: `unnoted`. */
  readonly noteSent: () => Promise<void>
}

export interface Sent {
  readonly destination: number
  readonly upTo: number
}

/**
 * Brings what a shard has for others into their logs, and what other systems hear to the signals.
 *
 * S1 at most one publish per destination is under way; the next begins after its acknowledgement.
 * S2 what may not have arrived is published again: whoever folds it knows the numbers.
 * S3 rows leave the outbox by a `sent` record only, so that every replica has the same outbox.
 * S4 what has arrived is noted by the next batch that the primary writes, a tick at the latest: an
 *    entry of its own for each is written only where somebody waits for it, or where it gets much.
 */
export class OutboxSender {
  private readonly uses: OutboxSenderDependencies
  private readonly busy = new Set<number>()
  /** Acknowledged, by destination; the log may not know yet. */
  private readonly acked = new Map<number, number>()
  private timer: Timer | undefined
  private isNoting = false
  private isClosed = false

  constructor(uses: OutboxSenderDependencies) {
    this.uses = uses
  }

  /** Something may wait. */
  kick(): void {
    const { shard, isLeading } = this.uses
    if (this.isClosed || !isLeading()) return
    const { outbox } = shard.state
    for (const destination of outbox.waiting()) {
      if (this.busy.has(destination) || outbox.last(destination) <= this.arrivedAt(destination))
        continue
      void this.send(destination)
    }
  }

  /** Up to which row what waits for a destination is known to be in its log. */
  arrivedAt(destination: number): number {
    return this.acked.get(destination) ?? 0
  }

  /** What has arrived and is still in the outbox: the log does not know it, or was told in vain. */
  unnoted(): readonly Sent[] {
    const { outbox } = this.uses.shard.state
    return outbox.waiting().flatMap((destination) => {
      const upTo = this.arrivedAt(destination)
      const [first] = outbox.rows(destination)
      return first !== undefined && first.n <= upTo ? [{ destination, upTo }] : []
    })
  }

  /** Somebody waits until what has arrived is noted: it does not wait for the next tick. */
  noteSoon(): void {
    if (this.isClosed || this.isNoting || this.unnoted().length === 0) return
    this.timer ??= this.uses.clock.after(gatherMs, () => void this.note())
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  private async send(destination: number): Promise<void> {
    const { shard, clock, observer, isLeading } = this.uses
    this.busy.add(destination)
    while (!this.isClosed && isLeading()) {
      const next = this.next(destination)
      if (next === undefined) break
      try {
        await next.publish()
        this.arrived(destination, next.upTo)
      } catch (error) {
        const what = `shard ${shard.number} cannot tell ${this.nameOf(destination)}`
        observer.failed(what, toHalfsecondError(error, 'UNAVAILABLE', what))
        await new Promise<void>((resolve) => clock.after(retryMs, resolve))
      }
    }
    this.busy.delete(destination)
  }

  /** What is published next, and up to which row; undefined where nothing waits. */
  private next(destination: number): Publishable | undefined {
    const { shard, log, signals, hash } = this.uses
    const { number, memory, state } = shard
    const rows = state.outbox.rows(destination, this.arrivedAt(destination))
    if (destination === signalDestination(state.shards)) {
      const batch = signalBatch(state, rows, hash)
      return batch && { upTo: batch.upTo, publish: () => signals.publish(number, batch.signals) }
    }
    const batch = outboxBatch(number, rows, (holder, id) => memory.copyOf(holder, id))
    if (batch === undefined) return undefined
    const { bytes, upTo } = batch
    const publish = async () => {
      if (bytes !== undefined) await log.append(destination, bytes, 'own')
    }
    return { upTo, publish }
  }

  private nameOf(destination: number): string {
    const isSignals = destination === signalDestination(this.uses.shard.state.shards)
    return isSignals ? 'other systems' : `shard ${destination}`
  }

  private arrived(destination: number, upTo: number): void {
    this.acked.set(destination, upTo)
    if (this.uses.shard.state.outbox.sizeOf(destination) >= rowsMany) this.noteSoon()
  }

  private async note(): Promise<void> {
    this.timer = undefined
    if (this.isClosed || !this.uses.isLeading() || this.unnoted().length === 0) return
    this.isNoting = true
    try {
      await this.uses.noteSent()
    } catch (error) {
      const { shard, observer } = this.uses
      const what = `shard ${shard.number} cannot note what it has sent`
      observer.failed(what, toHalfsecondError(error, 'UNAVAILABLE', what))
    }
    this.isNoting = false
  }
}

interface Publishable {
  readonly upTo: number
  publish(): Promise<void>
}
