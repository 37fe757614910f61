import { bounds, HalfsecondError } from '@halfsecond/protocol'
import { type Discontinuity, discontinuity } from '../core/shard/continuity.ts'
import type {
  Cursor,
  Follower,
  Log,
  LogEntry,
  LogExtent,
  LogUsage,
  Tail,
  Writer,
} from '../runtime/ports.ts'

interface Following {
  readonly shard: number
  readonly follower: Follower
  at: number
  isClosed: boolean
}

/**
 * The log in memory, for tests and simulation: it does what it is told, when it is told. Entries
 * are delivered by `deliver`, or at once while `isAutomatic`.
 */
export class MemoryLog implements Log {
  readonly shards: number
  readonly fileBytes = 0
  /** Whether followers get entries and confirmations without being asked for them. */
  isAutomatic = true
  /** While false, appends are refused as a lost server would refuse them. */
  isReachable = true
  /** Appends above this many bytes in a shard are refused as `LOG_FULL`. */
  shardBytesMax = Number.POSITIVE_INFINITY
  private readonly now: () => number
  private readonly entries: LogEntry[][]
  /** By shard: what its entries take together. */
  private readonly bytes: number[] = []
  private readonly incarnations: number[]
  private readonly firsts: number[]
  private readonly followers = new Set<Following>()

  constructor(shards: number, now: () => number) {
    this.shards = shards
    this.now = now
    this.entries = Array.from({ length: shards }, () => [])
    this.incarnations = Array.from({ length: shards }, (_, shard) => 1000 + shard)
    this.firsts = Array.from({ length: shards }, () => 1)
  }

  async append(shard: number, bytes: Uint8Array, writer: Writer): Promise<number> {
    this.reach()
    if (bytes.length > bounds.frameBytes)
      throw new HalfsecondError('TOO_LARGE', `a batch of ${bytes.length} bytes`)
    const entries = this.of(shard)
    if (this.bytesOf(shard) + bytes.length > this.shardBytesMax)
      throw new HalfsecondError('LOG_FULL', 'the log is full')
    const sequence = (this.firsts[shard] ?? 1) + entries.length
    entries.push({
      sequence,
      timestamp: this.now(),
      own: writer === 'own',
      bytes: new Uint8Array(bytes),
    })
    this.bytes[shard] = this.bytesOf(shard) + bytes.length
    if (this.isAutomatic) queueMicrotask(() => this.deliver(shard))
    return sequence
  }

  async extent(shard: number): Promise<LogExtent> {
    this.reach()
    return this.extentNow(shard)
  }

  async trim(shard: number, first: number): Promise<void> {
    this.reach()
    const { first: before, last } = this.extentNow(shard)
    const next = Math.min(first, last + 1)
    if (next <= before) return
    this.gone(shard, this.of(shard).splice(0, next - before))
    this.firsts[shard] = next
  }

  async expunge(firsts: ReadonlyMap<number, number>): Promise<readonly number[]> {
    for (const [shard, first] of firsts) await this.trim(shard, first)
    return []
  }

  async usage(shard: number): Promise<LogUsage> {
    this.reach()
    return { bytes: this.bytesOf(shard), bytesMax: this.shardBytesMax }
  }

  follow(shard: number, cursor: Cursor, follower: Follower): Tail {
    const following: Following = { shard, follower, at: cursor.applied, isClosed: false }
    const why = this.check(shard, cursor)
    if (why !== undefined) queueMicrotask(() => follower.discontinued(why))
    else this.followers.add(following)
    if (this.isAutomatic) queueMicrotask(() => this.deliver(shard))
    return {
      close: () => {
        following.isClosed = true
        this.followers.delete(following)
        return Promise.resolve()
      },
    }
  }

  close(): Promise<void> {
    this.followers.clear()
    return Promise.resolve()
  }

  /** Passes at most `count` entries to each follower of a shard; those who have all are told so. */
  deliver(shard: number, count = Number.POSITIVE_INFINITY): void {
    if (!this.isReachable) return
    for (const following of this.followers) {
      if (following.shard === shard) this.passOn(following, count)
    }
  }

  /** The server loses its newest entries. */
  loseSuffix(shard: number, count: number): void {
    const entries = this.of(shard)
    this.gone(shard, entries.splice(Math.max(0, entries.length - count)))
  }

  /** The stream is deleted and made anew, empty. */
  recreate(shard: number): void {
    this.entries[shard] = []
    this.bytes[shard] = 0
    this.firsts[shard] = 1
    this.incarnations[shard] = (this.incarnations[shard] ?? 0) + 1_000_000
  }

  private passOn(following: Following, count: number): void {
    const entries = this.of(following.shard)
    const first = this.firsts[following.shard] ?? 1
    for (let passed = 0; passed < count && !following.isClosed; passed++) {
      if (following.at + 1 < first) {
        this.followers.delete(following)
        following.follower.discontinued('TRIM_GAP')
        return
      }
      const entry = entries[following.at + 1 - first]
      if (entry === undefined) {
        following.follower.caughtUp()
        return
      }
      following.at = entry.sequence
      try {
        following.follower.entry(entry)
      } catch {
        // As with every log: a tail ends when its follower throws.
        following.isClosed = true
        this.followers.delete(following)
      }
    }
  }

  private reach(): void {
    if (!this.isReachable) throw new HalfsecondError('UNAVAILABLE', 'the log cannot be reached')
  }

  private bytesOf(shard: number): number {
    return this.bytes[shard] ?? 0
  }

  private gone(shard: number, entries: readonly LogEntry[]): void {
    this.bytes[shard] = entries.reduce((sum, { bytes }) => sum - bytes.length, this.bytesOf(shard))
  }

  private check(shard: number, cursor: Cursor): Discontinuity | undefined {
    const applied = this.of(shard)[cursor.applied - (this.firsts[shard] ?? 1)]
    return discontinuity(cursor, this.extentNow(shard), applied)
  }

  private extentNow(shard: number): LogExtent {
    const first = this.firsts[shard] ?? 1
    return {
      incarnation: this.incarnations[shard] ?? 0,
      first,
      last: first + this.of(shard).length - 1,
    }
  }

  private of(shard: number): LogEntry[] {
    const entries = this.entries[shard]
    if (entries === undefined) throw new RangeError(`no shard ${shard}`)
    return entries
  }
}
