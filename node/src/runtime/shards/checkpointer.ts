import { toHalfsecondError } from '@halfsecond/protocol'
import type { Clock, Observer, ShardStore, Timer } from '../ports.ts'
import type { Cut } from './cut.ts'
import type { Shard } from './shard.ts'

/** How far the store may lag behind the fold while little happens. */
const quietLagMs = 1_000

/** How far under load: the longer, the more events share one write of a row. */
const loadedLagMs = 8_000

/** From this many unsaved actors on, a shard counts as loaded. */
const loadedActors = 256

/** Actors encoded between two looks at the clock. */
const encodeAtOnce = 32

/** Time that encoding may take of one turn of the loop: decides wait no longer. */
const encodeMs = 2

const retryMs = 2_000
const pollMs = 100

/**
 * Writes what the shards folded to the store: one shard, one position, one transaction at a time.
 * The log holds what is acknowledged, so the store may lag, by a bounded time.
 */
export class Checkpointer {
  private readonly shards: readonly Shard[]
  private readonly store: (shard: number) => ShardStore
  private readonly clock: Clock
  private readonly observer: Observer
  private readonly cutAt = new Map<Shard, number>()
  private timer: Timer | undefined
  private running: Promise<void> | undefined
  /** The newest checkpoint: the next one begins when it is done, whoever asks for it. */
  private newest: Promise<void> = Promise.resolve()
  private isClosed = false
  /** Why the last commit failed; empty while the store works. */
  failure = ''

  constructor(
    shards: readonly Shard[],
    store: (shard: number) => ShardStore,
    clock: Clock,
    observer: Observer,
  ) {
    this.shards = shards
    this.store = store
    this.clock = clock
    this.observer = observer
    this.schedule(pollMs)
  }

  /** Writes everything that is folded now. */
  async flush(): Promise<void> {
    await this.running
    for (const shard of this.shards) {
      if (shard.state.applied > shard.flushed) await this.checkpoint(shard)
    }
  }

  /** Ends the schedule; what is not written yet stays in the log. */
  async close(): Promise<void> {
    this.isClosed = true
    this.timer?.cancel()
    await this.running
  }

  private schedule(ms: number): void {
    if (this.isClosed) return
    this.timer = this.clock.after(ms, () => {
      this.running = this.round().finally(() => {
        this.running = undefined
        this.schedule(this.failure === '' ? pollMs : retryMs)
      })
    })
  }

  private async round(): Promise<void> {
    while (!this.isClosed) {
      const shard = this.mostOverdue()
      if (shard === undefined) return
      await this.checkpoint(shard)
      if (this.failure !== '') return
    }
  }

  private mostOverdue(): Shard | undefined {
    const now = this.clock.monotonic()
    let best: Shard | undefined
    let bestOverdue = 0
    for (const shard of this.shards) {
      if (!isUnsaved(shard)) continue
      const lag = shard.memory.unsavedActors > loadedActors ? loadedLagMs : quietLagMs
      const overdue = now - (this.cutAt.get(shard) ?? 0) - lag
      if (overdue >= bestOverdue) {
        best = shard
        bestOverdue = overdue
      }
    }
    return best
  }

  private checkpoint(shard: Shard): Promise<void> {
    this.newest = this.newest.then(() => this.write(shard))
    return this.newest
  }

  private async write(shard: Shard): Promise<void> {
    const started = this.clock.monotonic()
    this.cutAt.set(shard, started)
    const cut = shard.memory.cut()
    try {
      while (this.encodeForATurn(cut)) await new Promise<void>((done) => this.clock.soon(done))
      await this.commit(shard, cut, started)
    } catch (error) {
      shard.memory.abandoned(cut)
      const failure = toHalfsecondError(error, 'UNAVAILABLE', `cannot write shard ${shard.number}`)
      this.failure = failure.message
      this.observer.failed('checkpoint', failure)
    }
  }

  /** Returns whether any are left. */
  private encodeForATurn(cut: Cut): boolean {
    const end = this.clock.monotonic() + encodeMs
    do if (!cut.encodeSome(encodeAtOnce)) return false
    while (this.clock.monotonic() < end)
    return true
  }

  private async commit(shard: Shard, cut: Cut, started: number): Promise<void> {
    const rows = cut.finish()
    const { count } = rows
    const bytes = rows.bytes.length
    await this.store(shard.number).commit(rows)
    shard.memory.committed(cut)
    shard.flushed = cut.applied
    this.failure = ''
    this.observer.committed(shard.number, count, bytes, (this.clock.monotonic() - started) / 1000)
  }
}

/** Entries that changed no row, ticks mostly, are not worth a transaction each. */
const emptyEntriesMax = 256

function isUnsaved(shard: Shard): boolean {
  return shard.memory.hasUnsaved || shard.state.applied - shard.flushed > emptyEntriesMax
}
