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
import { currentFolder } from '../store/generations.ts'
import { rewriteRows } from '../store/rewrite-rows.ts'
import {
  entryKey,
  entryValue,
  firstKey,
  firstValue,
  maxSequence,
  readAbout,
  readEntry,
  readFirst,
  readSequence,
} from './log-rows.ts'

const flushTimeoutMs = 10_000

/** Entries read from disk per turn while a follower catches up. */
const catchUpAtOnce = 256

/** Entries removed in one transaction. */
const trimAtOnce = 1_000

/** How often a follower that has everything is told so. */
const confirmMs = 500

const entriesName = 'entries'
const aboutName = 'about'

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
 */
export class EmbeddedLog implements Log {
  readonly shards: number
  /** Its file is rewritten whole. */
  readonly fileBytes = 0
  private readonly clock: Clock
  private readonly path: string
  private environment: Environment
  private entries: Rowset
  private about: Rowset
  private readonly incarnation: number
  /** Sequence of the first entry that was not trimmed, per shard. What is below it may be there still. */
  private readonly first: number[]
  /** Last sequence on disk, per shard: what followers may see. */
  private readonly durable: number[]
  private readonly followers = new Set<Following>()
  /** What waits for the next transaction. */
  private turn: Appended[] = []
  private writing: Promise<void> | undefined
  /** Ends with the last trim or rewrite that was asked for. */
  private upkeep: Promise<unknown> = Promise.resolve()
  /** Whether something was removed since the file was rewritten. */
  private hasRemains = true
  private isClosed = false

  /** @throws Error if the log at `path` was made for another number of shards */
  constructor(path: string, shards: number, clock: Clock) {
    this.shards = shards
    this.clock = clock
    this.path = path
    this.environment = openEnvironment(currentFolder(path))
    this.entries = openRows(this.environment, entriesName)
    this.about = openRows(this.environment, aboutName)
    this.incarnation = readAbout(this.about, shards)
    this.first = Array.from({ length: shards }, (_, shard) => readFirst(this.about, shard))
    this.durable = this.first.map((first, shard) => Math.max(this.lastOnDisk(shard), first - 1))
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
    return Promise.resolve({
      incarnation,
      first: this.first[shard] ?? 1,
      last: this.durable[shard] ?? 0,
    })
  }

  /** Done once it is written down. What an end of the process leaves, the next trim removes. */
  trim(shard: number, first: number): Promise<void> {
    return this.inTurn(() => this.trimNow(shard, first))
  }

  /** Appends wait meanwhile: little is left then, if all shards were trimmed. */
  expunge(firsts: ReadonlyMap<number, number>): Promise<readonly number[]> {
    return this.inTurn(async () => {
      for (const [shard, first] of firsts) await this.trimNow(shard, first)
      if (this.hasRemains) await this.rewriteAlone()
      return []
    })
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
        this.drop(following)
        return Promise.resolve()
      },
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.upkeep
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
      if (following.at + 1 < (this.first[following.shard] ?? 1)) {
        this.drop(following)
        following.follower.discontinued('TRIM_GAP')
        return
      }
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
      this.drop(following)
      return false
    }
  }

  private drop(following: Following): void {
    following.isClosed = true
    this.followers.delete(following)
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

  /** Trims and rewrites, one after the other. */
  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.upkeep.then(run)
    this.upkeep = done.catch(() => undefined)
    return done
  }

  private async trimNow(shard: number, first: number): Promise<void> {
    const next = Math.min(first, (this.durable[shard] ?? 0) + 1)
    if (next <= (this.first[shard] ?? 1)) return
    try {
      await this.environment.batch(() => void this.about.put(firstKey(shard), firstValue(next)))
      await flushed(this.environment, flushTimeoutMs)
      this.first[shard] = next
      this.hasRemains = true
      while (await this.removeBelow(shard, next)) {
        // One transaction after the other: none holds up the appends for long.
      }
    } catch (error) {
      throw await writeFailure(error)
    }
  }

  private async rewriteAlone(): Promise<void> {
    while (this.writing !== undefined) await this.writing
    if (this.isClosed) throw new HalfsecondError('CLOSED', 'the log is closed')
    const rewriting = this.rewrite()
    this.writing = rewriting
      .catch(() => undefined)
      .then(() => {
        this.writing = this.turn.length > 0 ? this.writeTurns() : undefined
      })
    await rewriting
  }

  /** Copies what is left to a new file, and removes the old one. */
  private async rewrite(): Promise<void> {
    this.hasRemains = false
    try {
      const rowsets = new Map([
        [entriesName, this.entries],
        [aboutName, this.about],
      ])
      const pause = () => new Promise<void>((done) => this.clock.soon(done))
      await rewriteRows(this.path, this.environment, rowsets, pause, (environment) => {
        this.environment = environment
        this.entries = openRows(environment, entriesName)
        this.about = openRows(environment, aboutName)
      })
    } catch (error) {
      this.hasRemains = true
      throw await writeFailure(error)
    }
  }

  private read(shard: number, sequence: number): LogEntry | undefined {
    const value = this.entries.getBinary(entryKey(shard, sequence))
    return value && readEntry(sequence, value)
  }

  private lastOnDisk(shard: number): number {
    const range = this.entries.getKeys({
      start: entryKey(shard, maxSequence),
      end: entryKey(shard, 0),
      reverse: true,
      limit: 1,
    })
    for (const key of range) return readSequence(key)
    return 0
  }

  /** Removes some entries. Resolves with whether there may be more. */
  private async removeBelow(shard: number, first: number): Promise<boolean> {
    const keys = [
      ...this.entries.getKeys({
        start: entryKey(shard, 0),
        end: entryKey(shard, first),
        limit: trimAtOnce,
      }),
    ]
    await this.environment.batch(() => {
      for (const key of keys) void this.entries.remove(key)
    })
    return keys.length === trimAtOnce
  }
}

interface Appended {
  readonly shard: number
  readonly bytes: Uint8Array
  readonly own: boolean
  readonly resolve: (sequence: number) => void
  readonly reject: (error: HalfsecondError) => void
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
