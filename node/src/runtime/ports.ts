import type { FragmentId, HalfsecondError } from '@halfsecond/protocol'
import type { Calendar } from '../core/decision/calendar.ts'
import type { Cursor, Discontinuity, LogExtent } from '../core/shard/continuity.ts'
import type { DeadLetter, LogEntry } from '../core/shard/shard-state.ts'

/*
 * What the runtime asks of the world. Declared here by who uses it, implemented by the adapters,
 * joined in node.ts. Each port has one behaviour suite that every implementation runs.
 */

export type { Calendar, Cursor, DeadLetter, Discontinuity, LogEntry, LogExtent }

/** The durable, ordered log of every shard. */
export interface Log {
  readonly shards: number
  /**
   * Appends one encoded batch. Resolves with its sequence once it is durable.
   * Rejects with `LOG_FULL`, `TOO_LARGE`, or `UNAVAILABLE`/`TIMEOUT`, after which it may or may not
   * be in the log.
   */
  append(shard: number, bytes: Uint8Array, writer: Writer): Promise<number>
  /** What the log says of itself now. Rejects with `UNAVAILABLE`. */
  extent(shard: number): Promise<LogExtent>
  /**
   * Passes every entry after the cursor to the follower, in order, once each, for ever: it
   * re-attaches by itself and checks continuity each time.
   */
  follow(shard: number, cursor: Cursor, follower: Follower): Tail
  /** Removes the entries before `first`. Rejects with `UNAVAILABLE`. */
  trim(shard: number, first: number): Promise<void>
  /**
   * As `trim` for each shard, and gets what was ever removed out of the files. Resolves with the
   * shards where that is not done, because a file also holds entries that stay: append `fileBytes`
   * more, and expunge up to those. Rejects with `UNAVAILABLE`.
   */
  expunge(firsts: ReadonlyMap<number, number>): Promise<readonly number[]>
  /** Bytes of entries after which cutting through a file rewrites it. */
  readonly fileBytes: number
  /** How full the log of a shard is. Rejects with `UNAVAILABLE`. */
  usage(shard: number): Promise<LogUsage>
  close(): Promise<void>
}

export interface LogUsage {
  readonly bytes: number
  /** What it may take. */
  readonly bytesMax: number
}

/** Whose subject: channels' records, or a node's own. */
export type Writer = 'log' | 'own'

export interface Follower {
  /** Synchronous. What it throws ends the tail. */
  entry(entry: LogEntry): void
  /**
   * All entries that the log has now were passed. Called at least once a second while that is so.
   *
   * @param heardAt when this process read what says so from its connection, or asked for it, by the
   *   monotonic clock; left out where the log is in this process
   */
  caughtUp(heardAt?: number): void
  /** The tail ended: the log cannot be followed from here. */
  discontinued(why: Discontinuity): void
}

export interface Tail {
  close(): Promise<void>
}

/** Where shards keep their rows. Reads are synchronous: the fold cannot wait. */
export interface Store {
  shard(shard: number): ShardStore
  /** Bytes on disk, and bytes that its disk still has. */
  usage(): Promise<{ readonly usedBytes: number; readonly freeBytes: number }>
  /**
   * Resolves when nothing that was removed or replaced before is in any file. Commits wait
   * meanwhile, and snapshots that are open are closed.
   */
  compact(): Promise<void>
  close(): Promise<void>
}

export interface ShardStore {
  /** The last committed meta row, or undefined in an empty store. */
  meta(): Uint8Array | undefined
  producers(): Iterable<Uint8Array>
  /** Rows of the outbox, in no order. */
  outbox(): Iterable<Uint8Array>
  /** Rows of what was learnt, in no order. */
  statistics(): Iterable<Uint8Array>
  fragment(identifier: FragmentId): Uint8Array | undefined
  chunk(identifier: FragmentId, number: number): Uint8Array | undefined
  /** Rows of all fragments after this key, at most `limit`; for reading everything in pieces. */
  fragments(after: Uint8Array | undefined, limit: number): readonly FragmentRow[]
  /** The row of a fragment by the key of its tombstone. */
  fragmentOf(key: string): Uint8Array | undefined
  /** Dead letters, oldest first. */
  deadLetters(limit: number): readonly Uint8Array[]
  /** Writes all rows in one transaction. Resolves once it is on disk; rejects with `UNAVAILABLE`. */
  commit(rows: Rows): Promise<void>
  /** All rows as they are now, however long they are read. Close it: it keeps old pages from reuse. */
  snapshot(): StoreSnapshot
  /** Puts another store's rows as they are. Resolves once they are on disk. */
  restore(rows: readonly StoredRow[]): Promise<void>
  /** Removes these rows, in one transaction. */
  remove(keys: readonly Uint8Array[]): Promise<void>
  /** Removes all rows, in pieces, the meta row first. */
  clear(): Promise<void>
}

/** A row with its key as it is in the store, for copying it to another one. */
export interface StoredRow {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface StoreSnapshot {
  /** The meta row: copied last, for without it a store counts as empty. */
  readonly meta: StoredRow | undefined
  /** The other rows in the order of their keys, after `after`: at least one, up to about `bytes`. */
  rows(after: Uint8Array | undefined, bytes: number): readonly StoredRow[]
  close(): void
}

export interface FragmentRow {
  readonly key: Uint8Array
  readonly row: Uint8Array
}

/** Kinds of rows; the first byte of their keys. */
export const rowKinds = {
  fragment: 1,
  chunk: 2,
  producer: 3,
  outbox: 4,
  deadLetter: 5,
  meta: 6,
  statistics: 7,
} as const

/** Rows to write, framed one behind the other; a row without bytes is deleted. */
export interface Rows {
  readonly count: number
  readonly bytes: Uint8Array
}

/** Small values that all nodes agree on, changed by compare-and-set only; and blobs by their hash. */
export interface Coordination {
  /** Whether other processes may change it too. */
  readonly isShared: boolean
  get(key: string): Promise<Revised | undefined>
  /** Sets if the key still has this revision (0: does not exist). False if somebody else was first. */
  compareAndSet(key: string, value: Uint8Array, revision: number): Promise<boolean>
  putBlob(hash: string, bytes: Uint8Array): Promise<void>
  blob(hash: string): Promise<Uint8Array | undefined>
}

export interface Revised {
  readonly value: Uint8Array
  readonly revision: number
}

/** @param isAsked false where it was published, so that nobody hears the answer */
export type SharedHandler = (
  bytes: Uint8Array,
  isAsked: boolean,
) => Uint8Array | Promise<Uint8Array>

/**
 * What was erased, for as long as a backup may bring it back. Kept apart from logs and stores,
 * by hashes: nothing in it names anybody.
 */
export interface Erased {
  /** Writes a tombstone, in the place of an earlier one of the same key and erase. */
  put(stone: Tombstone): Promise<void>
  get(key: string, eraseId: string): Promise<Tombstone | undefined>
  /** Those that were put since this time, in milliseconds since 1970; older ones may come too. */
  since(time: number): AsyncIterable<Tombstone>
}

/** A fragment that an erase reached. */
export interface Tombstone {
  readonly shard: number
  /** Of a hash of its identifier, and its epoch: see `tombstoneKey`. */
  readonly key: string
  readonly eraseId: string
  /** Nothing from up to then may come back, in milliseconds since 1970. */
  readonly at: number
  /** When it was known to be gone from all answers; 0 before. */
  readonly effectiveAt: number
  /** When it was known to be gone from all files; 0 before. */
  readonly expungedAt: number
}

/** Requests between processes. */
export interface Bus {
  /** Answers requests on a subject. A handler that throws answers nothing and is reported. */
  serve(subject: string, handler: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>): void
  /**
   * As `serve`, for what any node can answer: of all who share a subject, one gets each request, and
   * each publication. Resolves `close` once what came before is answered.
   */
  serveShared(subject: string, handler: SharedHandler): { close(): Promise<void> }
  /** Rejects with `UNAVAILABLE` where nobody serves the subject, with `TIMEOUT` otherwise. */
  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  publish(subject: string, bytes: Uint8Array): void
  /** Takes what others publish on a subject, in which `*` stands for one token. */
  listen(subject: string, handler: (bytes: Uint8Array) => void): void
  close(): Promise<void>
}

/** What other systems are told of profiles, kept for a while so that they can follow at their pace. */
export interface Signals {
  /**
   * Appends them in order. Resolves once they are durable. What is published again, under the same
   * id and soon after, is there once. Rejects with `UNAVAILABLE` or `TIMEOUT`: any of the first of
   * them may be there then.
   */
  publish(shard: number, signals: readonly SignalText[]): Promise<void>
  /**
   * The oldest after a cursor, in order, at most `limit`. Cursors grow by one: a gap is what was
   * dropped for its age, or because there were too many. Rejects with `UNAVAILABLE`.
   */
  read(after: number, limit: number): Promise<readonly StoredSignal[]>
  /**
   * Removes those whose text is of this kind; resolves once no file holds anything of them, with how
   * many there were. Rejects with `UNAVAILABLE`.
   */
  remove(isGone: (text: string) => boolean): Promise<number>
}

export interface SignalText {
  /** The same for the same signal, whoever publishes it. */
  readonly id: string
  /** JSON. */
  readonly text: string
}

export interface StoredSignal {
  readonly cursor: number
  readonly text: string
}

/** What was decided and of what, kept for a while: in a few partitions, found by time. */
export interface Decisions {
  /**
   * Appends entries of at most `loggedBytesMax`. Resolves once they are durable. Rejects with `UNAVAILABLE` or `TIMEOUT`: any of the first of them may be there then.
   */
  append(partition: number, entries: readonly Uint8Array[]): Promise<void>
  /**
   * Entries of a partition that were appended from one time to another, in milliseconds since 1970,
   * in order but for those beside which others were removed: they come last. Rejects with
   * `UNAVAILABLE`.
   */
  find(partition: number, from: number, to: number): AsyncIterable<Uint8Array>
  /**
   * Removes entries of a kind; resolves once no file holds anything of them, with how many there
   * were. Rejects with `UNAVAILABLE`.
   */
  remove(isGone: (entry: Uint8Array) => boolean): Promise<number>
}

/** Partitions of `Decisions`: finding one decision reads a fourth of what was logged around it. */
export const decisionPartitions = 4

/** What was learnt, in versions that are kept for a while: each has the number after the last. */
export interface Models {
  /**
   * Resolves once it is durable; false where it is not the next number, because somebody else was
   * first. Rejects with `UNAVAILABLE` or `TIMEOUT`: it may be there then.
   * @param bytes at most `versionBytesMax`
   */
  publish(version: number, bytes: Uint8Array): Promise<boolean>
  /** One of the newest: a server that is behind may not have the last. Rejects with `UNAVAILABLE`. */
  newest(): Promise<StoredModel | undefined>
  /** Undefined where it was dropped, or never was. Rejects with `UNAVAILABLE`. */
  at(version: number): Promise<StoredModel | undefined>
  /** Tells that there may be a newer one, until it is closed. It may miss some. */
  watch(told: () => void): { close(): void }
}

export interface StoredModel {
  readonly version: number
  /** When it was published, in milliseconds since 1970. */
  readonly publishedAt: number
  readonly bytes: Uint8Array
}

export interface Clock {
  /** Milliseconds since 1970. May jump. */
  now(): number
  /** Milliseconds since some start. Never jumps. */
  monotonic(): number
  after(ms: number, run: () => void): Timer
  /** Runs when the events that wait now were handled: for long work in small pieces. */
  soon(run: () => void): void
}

export interface Timer {
  cancel(): void
}

export interface Random {
  bytes(count: number): Uint8Array
}

/**
 * What can fail of learning: asking shards what they counted, a trainer besides the bandit,
 * publishing a version, or reading one.
 */
export const modelSteps = ['statistics', 'trainer', 'publication', 'reading'] as const
export type ModelStep = (typeof modelSteps)[number]

/** Told what happens; makes metrics and logs of it. Never throws. */
export interface Observer {
  folded(shard: number, applied: number, skipped: number, rejected: number, ageMs: number): void
  decided(channel: string, reason: string, freshness: string, seconds: number): void
  questionFailed(code: string): void
  /** So many decisions are in the decision log, in so many bytes. */
  decisionsLogged(count: number, bytes: number): void
  /** So many decisions were made, and are not logged. */
  decisionsUnlogged(count: number): void
  /** Another system told something over the bus: so many records are in the log, so many are not. */
  fed(recorded: number, refused: number): void
  activated(from: 'store' | 'new'): void
  passivated(count: number): void
  committed(shard: number, rows: number, bytes: number, seconds: number): void
  playbookActivated(version: number): void
  /** This node leads a shard, so many seconds after the map said so. */
  promoted(shard: number, seconds: number): void
  /** A copy of a shard came from another node. */
  snapshotCopied(shard: number, bytes: number, seconds: number): void
  /** The log of a shard begins at `first` now. */
  trimmed(shard: number, first: number): void
  /** A webhook was told a signal and took it, or did not; or it was put aside. */
  posted(result: 'taken' | 'refused' | 'dead'): void
  /** A round of learning failed: what was learnt before goes on. */
  modelFailed(step: ModelStep): void
  /** Something that a human should read. */
  noted(level: 'info' | 'warn' | 'error', what: string, fields?: Record<string, unknown>): void
  failed(what: string, error: HalfsecondError | Error): void
}
