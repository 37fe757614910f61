import { HalfsecondError } from '@halfsecond/protocol'
import { fingerprintOf } from '../../src/core/shard/fold.ts'
import type {
  Cursor,
  Follower,
  Log,
  LogEntry,
  LogExtent,
  LogUsage,
  Tail,
  Writer,
} from '../../src/runtime/ports.ts'
import type { Life } from './life.ts'
import type { LogServer } from './log-server.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How long an append waits for its acknowledgement. */
const ackMs = 1_000

/** The log as one life of a process has it. */
export class LifeLog implements Log {
  readonly shards: number
  readonly fileBytes = 0
  readonly name: string
  private readonly life: Life
  private readonly server: LogServer
  private readonly time: VirtualTime
  private readonly tails = new Set<LifeTail>()
  private arrivesAt = 0

  constructor(name: string, life: Life, server: LogServer, time: VirtualTime) {
    this.name = name
    this.life = life
    this.server = server
    this.time = time
    this.shards = server.log.shards
    server.connect(this)
  }

  append(shard: number, bytes: Uint8Array, writer: Writer): Promise<number> {
    const copy = new Uint8Array(bytes)
    return this.call(() => this.server.append(shard, copy, writer, this.life.name), true)
  }

  extent(shard: number): Promise<LogExtent> {
    return this.call(() => this.server.log.extent(shard))
  }

  follow(shard: number, cursor: Cursor, follower: Follower): Tail {
    const { name, life, server, time } = this
    const tail = new LifeTail(
      { name, shard, life, server, time, ended: () => this.tails.delete(tail) },
      cursor,
      follower,
    )
    this.tails.add(tail)
    tail.attach()
    return tail
  }

  trim(shard: number, first: number): Promise<void> {
    return this.call(() => this.server.trim(shard, first))
  }

  async expunge(firsts: ReadonlyMap<number, number>): Promise<readonly number[]> {
    for (const [shard, first] of firsts) await this.trim(shard, first)
    return []
  }

  usage(shard: number): Promise<LogUsage> {
    return this.call(async () => {
      const { bytes } = await this.server.log.usage(shard)
      return { bytes, bytesMax: this.server.isPressed ? Math.ceil(bytes * 1.4) : 2 ** 31 }
    })
  }

  close(): Promise<void> {
    this.server.leave(this)
    for (const tail of this.tails) void tail.close()
    return Promise.resolve()
  }

  /** The connection has gone, or is back. */
  reset(): void {
    for (const tail of this.tails) tail.attach()
  }

  /** There and back; what is asked in order arrives in order. */
  private call<T>(run: () => Promise<T>, mayLose = false): Promise<T> {
    const { server, time, name } = this
    return this.life.told(
      new Promise<T>((resolve, reject) => {
        const late = time.after(ackMs, () => reject(new HalfsecondError('TIMEOUT', 'no answer')))
        const back = (tell: () => void) => {
          time.after(server.latencyMs(), () => {
            if (!server.reaches(name)) return
            late.cancel()
            tell()
          })
        }
        this.arrivesAt = Math.max(this.arrivesAt, time.monotonic() + server.latencyMs())
        time.after(this.arrivesAt - time.monotonic(), () => {
          if (!server.reaches(name)) return
          const isLost = mayLose && server.isAckLost()
          run().then(
            (value) => {
              if (!isLost) back(() => resolve(value))
            },
            (error: unknown) => back(() => reject(error)),
          )
        })
      }),
    )
  }
}

interface TailDependencies {
  readonly name: string
  readonly shard: number
  readonly life: Life
  readonly server: LogServer
  readonly time: VirtualTime
  readonly ended: () => void
}

/** Entries that the server sends before the earlier ones were taken. */
const windowEntries = 64

/** The server says so often that there is nothing. */
const heartbeatMs = 400

/** Follows a shard through one connection after the other, as tails do. */
class LifeTail implements Tail {
  private readonly uses: TailDependencies
  private readonly follower: Follower
  private cursor: Cursor
  private inner: Tail | undefined
  /** Grows with each attach: what was on its way before is lost. */
  private generation = 0
  private unsent: LogEntry[] = []
  private underWay = 0
  private isPumping = false
  private arrivesAt = 0
  private isClosed = false

  constructor(uses: TailDependencies, { incarnation, applied, fingerprint }: Cursor, to: Follower) {
    this.uses = uses
    this.cursor = { incarnation, applied, fingerprint }
    this.follower = to
  }

  attach(): void {
    void this.inner?.close()
    this.inner = undefined
    const generation = ++this.generation
    this.unsent = []
    this.underWay = 0
    const { server, time, name } = this.uses
    if (this.isClosed || !server.reaches(name)) return
    time.after(server.latencyMs() * 5, () => {
      if (generation === this.generation) this.listen(generation)
    })
  }

  close(): Promise<void> {
    this.isClosed = true
    this.generation++
    void this.inner?.close()
    this.uses.ended()
    return Promise.resolve()
  }

  private listen(generation: number): void {
    const { server, shard, life } = this.uses
    this.inner = server.log.follow(shard, this.cursor, {
      entry: ({ bytes, ...rest }) => {
        this.unsent.push({ ...rest, bytes: new Uint8Array(bytes) })
        this.pump(generation)
      },
      caughtUp: () => this.pump(generation),
      discontinued: (why) => {
        if (generation !== this.generation) return
        void this.close()
        life.enter(() => this.follower.discontinued(why))
      },
    })
    this.heartbeat(generation)
  }

  private heartbeat(generation: number): void {
    this.uses.time.after(heartbeatMs, () => {
      if (generation !== this.generation) return
      if (this.underWay === 0) this.send(generation, [], true)
      this.heartbeat(generation)
    })
  }

  /** What was passed in one go is sent in one go. */
  private pump(generation: number): void {
    if (this.isPumping) return
    this.isPumping = true
    queueMicrotask(() => {
      this.isPumping = false
      if (generation !== this.generation) return
      const entries = this.unsent.splice(0, windowEntries - this.underWay)
      const isAll = this.unsent.length === 0
      if (entries.length > 0 || (isAll && this.underWay === 0))
        this.send(generation, entries, isAll)
    })
  }

  private send(generation: number, entries: readonly LogEntry[], isAll: boolean): void {
    const { server, time, life } = this.uses
    this.underWay += entries.length
    this.arrivesAt = Math.max(this.arrivesAt, time.monotonic() + server.latencyMs())
    time.after(this.arrivesAt - time.monotonic(), () => {
      if (generation !== this.generation) return
      life.enter(() => this.take(generation, entries, isAll))
    })
  }

  private take(generation: number, entries: readonly LogEntry[], isAll: boolean): void {
    if (generation !== this.generation) return
    for (const entry of entries) {
      this.underWay--
      this.pass(entry)
      if (generation !== this.generation) return
    }
    if (isAll) this.follower.caughtUp()
    else this.pump(generation)
  }

  private pass(entry: LogEntry): void {
    const { server, name, shard } = this.uses
    const { sequence } = entry
    this.cursor = { ...this.cursor, applied: sequence, fingerprint: fingerprintOf(entry) }
    try {
      this.follower.entry(server.isPoisoned(name, shard) ? poisonous(entry) : entry)
    } catch {
      void this.close()
    }
  }
}

function poisonous(entry: LogEntry): LogEntry {
  return {
    ...entry,
    get bytes(): Uint8Array {
      throw new Error('poison')
    },
  }
}
