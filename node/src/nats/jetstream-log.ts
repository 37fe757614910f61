import { bounds, HalfsecondError, parsePublishAck, subjects } from '@halfsecond/protocol'
import type {
  Clock,
  Cursor,
  Follower,
  Log,
  LogExtent,
  LogUsage,
  Observer,
  Tail,
  Timer,
  Writer,
} from '../runtime/ports.ts'
import type { Nats } from './connection.ts'
import { LogTailer, watchMs } from './log-tailer.ts'
import { purgeBefore, streamExtent, streamUsage } from './stream-api.ts'
import { Turns } from './turns.ts'

/** An acknowledgement that takes longer is lost: whoever appends decides what then. */
const appendMs = 5_000

/** Consumers that are made at once. */
const createAtOnce = 8

/** The log on JetStream: one stream per shard. The streams exist: see `provisionStreams`. */
export class JetStreamLog implements Log {
  readonly shards: number
  /** The server leaves a block that it cuts through as it is while the block has less than 2 MB. */
  readonly fileBytes = 3 * 1024 * 1024
  private readonly nats: Nats
  private readonly writing: Nats
  private readonly clock: Clock
  private readonly observer: Observer
  private readonly random: () => number
  private readonly turns: Turns
  private readonly tailers = new Set<LogTailer>()
  private watch: Timer | undefined
  private readonly creating = limited(createAtOnce)

  /**
   * @param writing a connection of its own for what is appended: a server syncs it to disk before it
   *   reads on, and answers to decides would stand in line behind that
   */
  constructor(
    nats: Nats,
    writing: Nats,
    shards: number,
    clock: Clock,
    observer: Observer,
    random: () => number,
  ) {
    this.nats = nats
    this.writing = writing
    this.shards = shards
    this.clock = clock
    this.observer = observer
    this.random = random
    this.turns = new Turns(clock)
    nats.watchState((isUp) => {
      if (isUp) for (const tailer of this.tailers) tailer.reconnected()
    })
  }

  async append(shard: number, bytes: Uint8Array, writer: Writer): Promise<number> {
    if (bytes.length > bounds.frameBytes) {
      throw new HalfsecondError(
        'TOO_LARGE',
        `a batch of ${bytes.length} bytes; at most ${bounds.frameBytes}`,
      )
    }
    const subject = writer === 'own' ? subjects.own(shard) : subjects.log(shard)
    const reply = await this.writing.request(subject, bytes, appendMs)
    return parsePublishAck(reply.string())
  }

  extent(shard: number): Promise<LogExtent> {
    return streamExtent(this.nats, subjects.stream(shard))
  }

  /** Never beyond the end: the server would go on counting from there, and the gap would look whole. */
  async trim(shard: number, first: number): Promise<void> {
    const stream = subjects.stream(shard)
    const extent = await streamExtent(this.nats, stream)
    const next = Math.min(first, extent.last + 1)
    if (next > extent.first) await purgeBefore(this.nats, stream, next)
  }

  /**
   * A block is removed with its last message. One that also holds messages that stay is rewritten
   * only if it has grown, and most of it is gone.
   */
  async expunge(firsts: ReadonlyMap<number, number>): Promise<readonly number[]> {
    const remaining: number[] = []
    for (const [shard, first] of firsts) {
      await this.trim(shard, first)
      const { last } = await this.extent(shard)
      if (last >= first) remaining.push(shard)
    }
    return remaining
  }

  usage(shard: number): Promise<LogUsage> {
    return streamUsage(this.nats, subjects.stream(shard))
  }

  follow(shard: number, cursor: Cursor, follower: Follower): Tail {
    const { nats, clock, observer, turns, creating, random } = this
    const tailer = new LogTailer(shard, cursor, follower, {
      nats,
      clock,
      observer,
      turns,
      creating,
      random,
    })
    this.tailers.add(tailer)
    this.watch ??= this.watchSoon()
    return {
      close: () => {
        this.tailers.delete(tailer)
        return tailer.close()
      },
    }
  }

  private watchSoon(): Timer {
    return this.clock.after(watchMs, () => {
      for (const tailer of this.tailers) tailer.watch()
      this.watch = this.tailers.size > 0 ? this.watchSoon() : undefined
    })
  }

  /** Ends the tails; the connection is closed by whoever opened it. */
  async close(): Promise<void> {
    this.watch?.cancel()
    await Promise.all([...this.tailers].map((tailer) => tailer.close()))
    this.tailers.clear()
  }
}

/** Runs at most `count` at once; others wait their turn. */
function limited(count: number): <T>(run: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (run) => {
    if (running >= count) await new Promise<void>((resolve) => waiting.push(resolve))
    running++
    try {
      return await run()
    } finally {
      running--
      waiting.shift()?.()
    }
  }
}
