import { fnv1a32, shardOf, toHalfsecondError } from '@halfsecond/protocol'
import { assert } from '../../core/assert.ts'
import { type Decided, encodeDecision, setHalvings } from '../../core/decision/logged-decision.ts'
import {
  type Clock,
  type Decisions,
  decisionPartitions,
  type Observer,
  type Timer,
} from '../ports.ts'

/** What was decided is on disk after so long; a crash loses what came since. */
const flushMs = 200

/** What waits is appended at once from here on: one write to the disk for some hundred decisions. */
const flushBytes = 128 * 1024

/** Taken by one append. */
const appendBytesMax = 512 * 1024

/**
 * Decisions that one node logs in `flushMs`: 10,000 a second. Logging one takes as long as making it,
 * here and on the NATS server, so a node that answers ten times as many must not log them all.
 */
export const loggedPerFlushMax = 2_000

/** Decisions that wait in memory, of all partitions: seconds of a busy node. */
export const waitingBytesMax = 8 * 1024 ** 2

/** As little waits when more of the decisions are logged again. */
const quietBytes = waitingBytesMax / 8

/** After an append that failed. */
const retryMs = 1_000

/** One of 2^30 decisions is one of a few days. */
const halvingsMax = 30

/** How long closing waits for the last of them. */
const closeMs = 2_000

export interface DecisionLogDependencies {
  readonly decisions: Decisions
  readonly shards: number
  readonly clock: Clock
  readonly observer: Observer
}

interface Waiting {
  readonly entry: Uint8Array
  /** 32 bits by chance: see L2. */
  readonly chance: number
}

interface Partition {
  readonly number: number
  waiting: Waiting[]
  bytes: number
  appending: Promise<void> | undefined
}

/**
 * Gathers decisions in memory and appends them, a few times a second. Nobody waits for it, and what
 * goes wrong here changes no answer.
 *
 * L1 at most `waitingBytesMax` wait, and at most `loggedPerFlushMax` come in so short a time. Beyond
 *    that, half of the decisions are given up, those that wait included, and again half of the rest,
 *    until there is room; so too while the log is away. When it is quiet again, more are logged.
 * L2 which half depends on the decision's id alone, and each entry says one of how many was kept:
 *    so counts can be made up for.
 */
export class DecisionLog {
  private readonly uses: DecisionLogDependencies
  private readonly partitions: readonly Partition[]
  private halvings = 0
  /** Taken since the last tick. */
  private taken = 0
  private timer: Timer | undefined
  private retryAt = Number.NEGATIVE_INFINITY
  /** Whether the last append failed. */
  private isAway = false
  private isClosed = false

  constructor(uses: DecisionLogDependencies) {
    this.uses = uses
    this.partitions = Array.from({ length: decisionPartitions }, (_, number) => ({
      number,
      waiting: [],
      bytes: 0,
      appending: undefined,
    }))
  }

  /** One of so many decisions is logged at present. */
  get oneOf(): number {
    return 2 ** this.halvings
  }

  /** Takes a decision down. Never throws. */
  note(decided: Decided): void {
    const chance = fnv1a32(decided.decision)
    try {
      const isTaken = !this.isClosed && this.isKept(chance)
      const entry = isTaken ? encodeDecision(decided, this.halvings) : undefined
      if (entry === undefined) this.uses.observer.decisionsUnlogged(1)
      else this.add(partitionOf(decided.key, this.uses.shards), { entry, chance })
    } catch (error) {
      this.uses.observer.decisionsUnlogged(1)
      this.failed(error)
    }
  }

  /** Resolves once all that was noted before is durable. Rejects with `UNAVAILABLE` or `TIMEOUT`. */
  async flush(): Promise<void> {
    await Promise.all(
      this.partitions.map(async (one) => {
        while (one.appending !== undefined || one.waiting.length > 0)
          await (one.appending ?? this.begin(one))
      }),
    )
  }

  /** Appends what waits, and takes nothing more. Never rejects, and takes a bounded time. */
  async close(): Promise<void> {
    this.isClosed = true
    this.timer?.cancel()
    let late: Timer | undefined
    const closed = new Promise<void>((resolve) => {
      late = this.uses.clock.after(closeMs, resolve)
    })
    await Promise.race([this.flush().catch(() => undefined), closed])
    late?.cancel()
    const lost = this.partitions.reduce((sum, { waiting }) => sum + waiting.length, 0)
    if (lost > 0) this.uses.observer.decisionsUnlogged(lost)
  }

  private get waitingBytes(): number {
    return this.partitions.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  private isKept(chance: number): boolean {
    return this.halvings === 0 || chance >>> (32 - this.halvings) === 0
  }

  private add(partition: number, waiting: Waiting): void {
    const one = this.partitions[partition]
    assert(one !== undefined, 'a partition of each key')
    one.waiting.push(waiting)
    one.bytes += waiting.entry.length
    this.taken++
    const isTooMuch = this.taken > loggedPerFlushMax || this.waitingBytes > waitingBytesMax
    if (isTooMuch && this.halvings < halvingsMax) this.thin()
    if (one.bytes >= flushBytes) this.send(one)
    this.schedule(flushMs)
  }

  private thin(): void {
    do {
      this.halvings++
      this.taken /= 2
      for (const one of this.partitions) this.thinOut(one)
    } while (this.waitingBytes > waitingBytesMax && this.halvings < halvingsMax)
    this.uses.observer.noted('warn', 'only some decisions are logged', { oneOf: this.oneOf })
  }

  private thinOut(one: Partition): void {
    const kept = one.waiting.filter(({ chance }) => this.isKept(chance))
    for (const { entry } of kept) setHalvings(entry, this.halvings)
    this.uses.observer.decisionsUnlogged(one.waiting.length - kept.length)
    one.waiting = kept
    one.bytes = kept.reduce((sum, { entry }) => sum + entry.length, 0)
  }

  private schedule(ms: number): void {
    if (this.isClosed) return
    this.timer ??= this.uses.clock.after(ms, () => {
      this.timer = undefined
      this.tick()
    })
  }

  private tick(): void {
    const isQuiet = this.taken < loggedPerFlushMax / 2 && this.waitingBytes < quietBytes
    if (this.halvings > 0 && !this.isAway && isQuiet) this.halvings--
    this.taken = 0
    for (const one of this.partitions) this.send(one)
    const isWaiting = this.partitions.some(({ waiting }) => waiting.length > 0)
    if (isWaiting || this.halvings > 0) this.schedule(flushMs)
  }

  /** Appends until little waits, unless that is under way or has just failed. */
  private send(one: Partition): void {
    if (one.appending !== undefined || one.waiting.length === 0) return
    if (this.uses.clock.monotonic() < this.retryAt) return
    this.begin(one).then(
      () => {
        this.isAway = false
        if (one.bytes >= flushBytes) this.send(one)
      },
      (error: unknown) => {
        this.isAway = true
        this.retryAt = this.uses.clock.monotonic() + retryMs
        this.schedule(retryMs)
        this.failed(error)
      },
    )
  }

  private begin(one: Partition): Promise<void> {
    const appending = this.append(one).finally(() => {
      one.appending = undefined
    })
    one.appending = appending
    return appending
  }

  /** What could not be appended waits again. */
  private async append(one: Partition): Promise<void> {
    const { decisions, observer } = this.uses
    const taken = take(one)
    const bytes = taken.reduce((sum, { entry }) => sum + entry.length, 0)
    const entries = taken.map(({ entry }) => entry)
    try {
      await decisions.append(one.number, entries)
    } catch (error) {
      one.waiting = [...taken, ...one.waiting]
      this.thinOut(one)
      throw error
    }
    observer.decisionsLogged(taken.length, bytes)
  }

  private failed(error: unknown): void {
    const failure = toHalfsecondError(error, 'UNAVAILABLE', 'cannot log decisions')
    this.uses.observer.failed('decision log', failure)
  }
}

/** Where the decisions of an identifier lie. */
export function partitionOf(key: Decided['key'], shards: number): number {
  return shardOf(key, shards) % decisionPartitions
}

/** The oldest that wait, as many as one append takes. */
function take(one: Partition): readonly Waiting[] {
  let bytes = 0
  let count = 0
  for (const { entry } of one.waiting) {
    if (count > 0 && bytes + entry.length > appendBytesMax) break
    bytes += entry.length
    count++
  }
  one.bytes -= bytes
  return one.waiting.splice(0, count)
}
