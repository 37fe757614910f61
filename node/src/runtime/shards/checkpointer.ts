import { toHalfsecondError } from '@halfsecond/protocol'
import type { Clock, Observer, ShardStore, Timer } from '../ports.ts'
import { RowsWriter } from '../rows.ts'
import type { Cut } from './cut.ts'
import type { Shard } from './shard.ts'

/** How far the store may lag behind the fold while little happens. */
const quietLagMs = 1_000

/** How far under load: the longer, the more events share one write of a row. */
const loadedLagMs = 16_000

/** From this many unsaved actors on, a shard counts as loaded, while entries come. */
const loadedActors = 256

/** Actors encoded between two looks at the clock, and how often in one turn of the loop. */
const encodeAtOnce = 32
const encodeTimes = 8

/** Time that encoding may take of one turn: decides wait no longer. */
const encodeMs = 1

/** Checkpoints under way: while one waits for the disk, the next are encoded and written. */
const openMax = 3

const retryMs = 2_000
const pollMs = 100

/**
 * Writes what the shards folded to the store: one shard, one position, one transaction. The log
 * holds what is acknowledged, so the store may lag, by a bounded time.
 *
 * K1 a shard has at most one checkpoint under way, whoever asks for it.
 * K2 one checkpoint at a time is encoded, in slices; a few may wait for the disk.
 */
export class Checkpointer {
  private readonly shards: readonly Shard[]
  private readonly store: (shard: number) => ShardStore
  private readonly clock: Clock
  private readonly observer: Observer
  private readonly cutAt = new Map<Shard, number>()
  private timer: Timer | undefined
  private running: Promise<void> | undefined
  private readonly open = new Map<Shard, Promise<void>>()
  /** Ends when the checkpoint that is encoded now, or waits to be, is. */
  private encoded: Promise<unknown> = Promise.resolve()
  /** Writers that are free; as many as checkpoints were ever under way. */
  private readonly writers: RowsWriter[] = []
  private isClosed = false
  /** Why the last commit failed; empty while the store works. */
  failure = ''
  private failures = 0

  /** @param shards those that are held now; whoever passes them may add and remove some */
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
    const unflushed = this.shards.filter((shard) => shard.state.applied > shard.flushed)
    await this.writeEach(() => unflushed.shift())
  }

  /** Resolves when no checkpoint of the shard is under way: its memory can be freed. */
  async settled(shard: Shard): Promise<void> {
    await this.open.get(shard)
    this.cutAt.delete(shard)
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
    await this.writeEach(() => (this.isClosed ? undefined : this.mostOverdue()))
  }

  /** Until there is no next one, or one failed. */
  private async writeEach(next: () => Shard | undefined): Promise<void> {
    const { failures } = this
    for (let shard = next(); shard !== undefined && this.failures === failures; shard = next()) {
      void this.checkpoint(shard)
      if (this.open.size >= openMax) await Promise.race(this.open.values())
    }
    await Promise.all(this.open.values())
  }

  private mostOverdue(): Shard | undefined {
    const now = this.clock.monotonic()
    let best: Shard | undefined
    let bestOverdue = 0
    for (const shard of this.shards) {
      if (this.open.has(shard) || !isUnsaved(shard)) continue
      const isLoaded =
        shard.memory.unsavedActors > loadedActors && now - shard.foldedAt < quietLagMs
      const lag = isLoaded ? loadedLagMs : quietLagMs
      const overdue = now - (this.cutAt.get(shard) ?? 0) - lag
      if (overdue >= bestOverdue) {
        best = shard
        bestOverdue = overdue
      }
    }
    return best
  }

  private checkpoint(shard: Shard): Promise<void> {
    const before = this.open.get(shard) ?? Promise.resolve()
    const written = before.then(() => this.write(shard))
    this.open.set(shard, written)
    return written.finally(() => {
      if (this.open.get(shard) === written) this.open.delete(shard)
    })
  }

  private async write(shard: Shard): Promise<void> {
    const encoding = this.encoded.then(() => this.encode(shard))
    this.encoded = encoding
    const { cut, rows, started } = await encoding
    try {
      await this.commit(shard, cut, started)
      rows.clear()
      this.writers.push(rows)
    } catch (error) {
      shard.memory.abandoned(cut)
      const failure = toHalfsecondError(error, 'UNAVAILABLE', `cannot write shard ${shard.number}`)
      this.failure = failure.message
      this.failures++
      this.observer.failed('checkpoint', failure)
    }
  }

  private async encode(shard: Shard): Promise<Encoded> {
    const started = this.clock.monotonic()
    this.cutAt.set(shard, started)
    const rows = this.writers.pop() ?? new RowsWriter()
    const cut = shard.memory.cut(rows)
    while (this.encodeForATurn(cut)) await new Promise<void>((done) => this.clock.soon(done))
    return { cut, rows, started }
  }

  /** Returns whether any are left. */
  private encodeForATurn(cut: Cut): boolean {
    const end = this.clock.monotonic() + encodeMs
    for (let i = 0; i < encodeTimes && this.clock.monotonic() <= end; i++)
      if (!cut.encodeSome(encodeAtOnce)) return false
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

interface Encoded {
  readonly cut: Cut
  readonly rows: RowsWriter
  readonly started: number
}

/** Entries that changed no row, ticks mostly, are not worth a transaction each. */
const emptyEntriesMax = 256

function isUnsaved(shard: Shard): boolean {
  return shard.memory.hasUnsaved || shard.state.applied - shard.flushed > emptyEntriesMax
}
