import { toHalfsecondError } from '@halfsecond/protocol'
import { outboxBatch } from '../../core/shard/outbox.ts'
import { signalDestination } from '../../core/shard/signal.ts'
import type { Clock, Log, Observer, Signals, Timer } from '../ports.ts'
import type { Shard } from './shard.ts'
import { type Hash, signalBatch } from './signal-batch.ts'

/** How long acknowledgements are gathered before the log is told of them: one record for many. */
const gatherMs = 250

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
  /** Writes to the shard's own log what has arrived where. */
  readonly tellSent: (sent: readonly Sent[]) => Promise<void>
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
 */
export class OutboxSender {
  private readonly uses: OutboxSenderDependencies
  private readonly busy = new Set<number>()
  /** Acknowledged, by destination; the log may not know yet. */
  private readonly acked = new Map<number, number>()
  private timer: Timer | undefined
  private isTelling = false
  private isClosed = false

  constructor(uses: OutboxSenderDependencies) {
    this.uses = uses
  }

  /** Something may wait. */
  kick(): void {
    if (this.isClosed || !this.uses.isLeading()) return
    for (const destination of this.uses.shard.state.outbox.waiting())
      if (!this.busy.has(destination)) void this.send(destination)
    // Asked after each entry: what is scheduled looks for itself.
    if (this.timer === undefined && !this.isTelling && this.untold().length > 0) this.schedule()
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
    const rows = state.outbox.rows(destination, this.acked.get(destination) ?? 0)
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
    this.schedule()
  }

  private schedule(): void {
    if (this.isTelling) return
    this.timer ??= this.uses.clock.after(gatherMs, () => void this.tell())
  }

  /** What has arrived and is still in the outbox: the log does not know it, or was told in vain. */
  private untold(): readonly Sent[] {
    const { outbox } = this.uses.shard.state
    return outbox.waiting().flatMap((destination) => {
      const upTo = this.acked.get(destination) ?? 0
      const [first] = outbox.rows(destination)
      return first !== undefined && first.n <= upTo ? [{ destination, upTo }] : []
    })
  }

  private async tell(): Promise<void> {
    this.timer = undefined
    if (this.isClosed || !this.uses.isLeading()) return
    const sent = this.untold()
    if (sent.length === 0) return
    this.isTelling = true
    try {
      await this.uses.tellSent(sent)
    } catch (error) {
      const { shard, observer } = this.uses
      const what = `shard ${shard.number} cannot note what it has sent`
      observer.failed(what, toHalfsecondError(error, 'UNAVAILABLE', what))
    }
    this.isTelling = false
    if (!this.isClosed && this.untold().length > 0) this.schedule()
  }
}

interface Publishable {
  readonly upTo: number
  publish(): Promise<void>
}
