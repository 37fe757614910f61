import { randomInt } from 'node:crypto'
import { bounds, HalfsecondError } from '@halfsecond/protocol'
import { type Discontinuity, discontinuity } from '../core/shard/continuity.ts'
import type {
  Clock,
  Cursor,
  Follower,
  Log,
  LogEntry,
  LogExtent,
  LogUsage,
  Tail,
  Writer,
} from '../runtime/ports.ts'
import {
  type Environment,
  flushed,
  openEnvironment,
  openRows,
  type Rowset,
} from '../store/environment.ts'

const flushTimeoutMs = 10_000

/** Entries read from disk per turn while a follower catches up. */
const catchUpAtOnce = 256

/** Entries removed in one transaction. */
const trimAtOnce = 1_000

/** How often a follower that has everything is told so. */
const confirmMs = 500

interface Following {
  readonly shard: number
  readonly follower: Follower
  /** Sequence of the last entry passed on. */
  at: number
  isLive: boolean
  isClosed: boolean
}

/**
 * The log without a server: one LMDB environment, entries by shard and sequence. What is appended
 * in one turn shares one transaction, and an append resolves when that is on disk.
 *
 * Key: u16 shard │ u48 sequence, big-endian. Value: u8 own │ f64 timestamp, little-endian │ batch.
 */
export class EmbeddedLog implements Log {
  readonly shards: number
  private readonly clock: Clock
  private readonly environment: Environment
  private readonly entries: Rowset
  private readonly incarnation: number
  /** Last sequence on disk, per shard: what followers may see. */
  private readonly durable: number[]
  private readonly followers = new Set<Following>()
  /** What waits for the next transaction. */
  private turn: Appended[] = []
  private writing: Promise<void> | undefined
  private isClosed = false

  /** @throws Error if the log at `path` was made for another number of shards */
  constructor(path: string, shards: number, clock: Clock) {
    this.shards = shards
    this.clock = clock
    this.environment = openEnvironment(path)
    this.entries = openRows(this.environment, 'entries')
    const about = openRows(this.environment, 'about')
    this.incarnation = readAbout(about, shards)
    this.durable = Array.from({ length: shards }, (_, shard) => this.lastOnDisk(shard))
  }

  append(shard: number, bytes: Uint8Array, writer: Writer): Promise<number> {
    if (this.isClosed) return Promise.reject(new HalfsecondError('CLOSED', 'the log is closed'))
    if (bytes.length > bounds.frameBytes) {
      return Promise.reject(
        new HalfsecondError(
          'TOO_LARGE',
          `a batch of ${bytes.length} bytes; at most ${bounds.frameBytes}`,
        ),
      )
    }
    return new Promise((resolve, reject) => {
      this.turn.push({ shard, bytes, own: writer === 'own', resolve, reject })
      this.writing ??= this.writeTurns()
    })
  }

  extent(shard: number): Promise<LogExtent> {
    const { incarnation } = this
    const first = this.firstOnDisk(shard)
    const last = this.durable[shard] ?? 0
    return Promise.resolve({ incarnation, first: first === 0 ? last + 1 : first, last })
  }

  /** In pieces, each one transaction. The newest entry stays: it keeps the count. */
  async trim(shard: number, first: number): Promise<void> {
    const end = Math.min(first, this.durable[shard] ?? 0)
    for (let next = this.firstOnDisk(shard); next > 0 && next < end; ) {
      const stop = Math.min(next + trimAtOnce, end)
      await this.environment.batch(() => {
        for (; next < stop; next++) void this.entries.remove(entryKey(shard, next))
      })
    }
    await flushed(this.environment, flushTimeoutMs)
  }

  /** Not known per shard: all share one file, on a disk that others share too. */
  usage(): Promise<LogUsage> {
    return Promise.resolve({ bytes: 0, bytesMax: Number.POSITIVE_INFINITY })
  }

  follow(shard: number, cursor: Cursor, follower: Follower): Tail {
    const following: Following = {
      shard,
      follower,
      at: cursor.applied,
      isLive: false,
      isClosed: false,
    }
    this.followers.add(following)
    // What the cursor says is read now: it moves with the fold.
    const wanted = {
      incarnation: cursor.incarnation,
      applied: cursor.applied,
      fingerprint: cursor.fingerprint,
    }
    void this.attach(following, wanted)
    return {
      close: () => {
        following.isClosed = true
        this.followers.delete(following)
        return Promise.resolve()
      },
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.writing
    for (const following of this.followers) following.isClosed = true
    this.followers.clear()
    await this.environment.close()
  }

  private async attach(following: Following, cursor: Cursor): Promise<void> {
    const why = await this.check(following.shard, cursor)
    if (following.isClosed) return
    if (why !== undefined) {
      following.follower.discontinued(why)
      return
    }
    this.catchUp(following)
  }

  private async check(shard: number, cursor: Cursor): Promise<Discontinuity | undefined> {
    const applied = cursor.applied === 0 ? undefined : this.read(shard, cursor.applied)
    return discontinuity(cursor, await this.extent(shard), applied)
  }

  /** Passes on what is on disk, some per turn; then the follower is live. */
  private catchUp(following: Following): void {
    const end = Math.min(following.at + catchUpAtOnce, this.durable[following.shard] ?? 0)
    while (following.at < end && !following.isClosed) {
      const entry = this.read(following.shard, following.at + 1)
      if (entry === undefined || !this.pass(following, entry)) return
    }
    if (following.isClosed) return
    if (following.at < (this.durable[following.shard] ?? 0)) {
      this.clock.soon(() => this.catchUp(following))
      return
    }
    following.isLive = true
    this.confirm(following)
  }

  private confirm(following: Following): void {
    if (following.isClosed) return
    if (following.isLive) following.follower.caughtUp()
    this.clock.after(confirmMs, () => this.confirm(following))
  }

  private pass(following: Following, entry: LogEntry): boolean {
    following.at = entry.sequence
    try {
      following.follower.entry(entry)
      return true
    } catch {
      // The follower has told its observer; a tail never goes on after a throw.
      following.isClosed = true
      this.followers.delete(following)
      return false
    }
  }

  /** One transaction after the other, each with all that came in meanwhile. */
  private async writeTurns(): Promise<void> {
    while (this.turn.length > 0) {
      await new Promise<void>((done) => this.clock.soon(done))
      const { turn } = this
      this.turn = []
      await this.write(turn)
    }
    this.writing = undefined
  }

  private async write(turn: readonly Appended[]): Promise<void> {
    const timestamp = this.clock.now()
    const next = [...this.durable]
    const written = turn.map((one) => {
      const sequence = (next[one.shard] ?? 0) + 1
      next[one.shard] = sequence
      return { ...one, sequence }
    })
    try {
      await this.environment.batch(() => {
        for (const { shard, sequence, own, bytes } of written) {
          void this.entries.put(entryKey(shard, sequence), entryValue(own, timestamp, bytes))
        }
      })
      await flushed(this.environment, flushTimeoutMs)
    } catch (error) {
      const failure = await writeFailure(error)
      for (const { reject } of written) reject(failure)
      return
    }
    for (const { shard, sequence, own, bytes, resolve } of written) {
      this.durable[shard] = sequence
      resolve(sequence)
      this.deliver(shard, { sequence, timestamp, own, bytes })
    }
  }

  private deliver(shard: number, entry: LogEntry): void {
    for (const following of this.followers) {
      if (following.shard === shard && following.isLive && following.at + 1 === entry.sequence)
        this.pass(following, entry)
    }
  }

  private read(shard: number, sequence: number): LogEntry | undefined {
    const value = this.entries.getBinary(entryKey(shard, sequence))
    if (value === undefined) return undefined
    return {
      sequence,
      own: value[0] === 1,
      timestamp: value.readDoubleLE(1),
      bytes: value.subarray(valueHeadBytes),
    }
  }

  private lastOnDisk(shard: number): number {
    const range = this.entries.getKeys({
      start: entryKey(shard, maxSequence),
      end: entryKey(shard, 0),
      reverse: true,
      limit: 1,
    })
    for (const key of range) return key.readUIntBE(2, 6)
    return 0
  }

  private firstOnDisk(shard: number): number {
    for (const key of this.entries.getKeys({
      start: entryKey(shard, 0),
      end: entryKey(shard, maxSequence),
      limit: 1,
    })) {
      return key.readUIntBE(2, 6)
    }
    return 0
  }
}

interface Appended {
  readonly shard: number
  readonly bytes: Uint8Array
  readonly own: boolean
  readonly resolve: (sequence: number) => void
  readonly reject: (error: HalfsecondError) => void
}

const valueHeadBytes = 9
const maxSequence = 2 ** 48 - 1

function entryKey(shard: number, sequence: number): Buffer {
  const key = Buffer.alloc(8)
  key.writeUInt16BE(shard)
  key.writeUIntBE(sequence, 2, 6)
  return key
}

function entryValue(own: boolean, timestamp: number, bytes: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(valueHeadBytes + bytes.length)
  value[0] = own ? 1 : 0
  value.writeDoubleLE(timestamp, 1)
  value.set(bytes, valueHeadBytes)
  return value
}

/** The log's own facts: u16 shards │ u32 incarnation. Made once. */
function readAbout(about: Rowset, shards: number): number {
  const key = Buffer.from('about')
  const stored = about.getBinary(key)
  if (stored === undefined) {
    const fresh = Buffer.alloc(6)
    fresh.writeUInt16LE(shards)
    fresh.writeUInt32LE(randomInt(1, 2 ** 32), 2)
    about.putSync(key, fresh)
    return fresh.readUInt32LE(2)
  }
  if (stored.readUInt16LE() !== shards) {
    throw new Error(
      `the log has ${stored.readUInt16LE()} shards and cannot be opened with ${shards}: their number never changes`,
    )
  }
  return stored.readUInt32LE(2)
}

/** lmdb hides the cause behind a promise that also rejects. */
async function writeFailure(error: unknown): Promise<HalfsecondError> {
  let cause = error
  if (error instanceof Error && 'commitError' in error) {
    cause = await Promise.resolve(error.commitError).catch((reason: unknown) => reason)
  }
  const text = cause instanceof Error ? cause.message : String(cause)
  const isFull = /ENOSPC|no space|MAP_FULL/i.test(text)
  return new HalfsecondError(
    isFull ? 'LOG_FULL' : 'UNAVAILABLE',
    `the embedded log cannot write: ${text}`,
    { cause: error },
  )
}
