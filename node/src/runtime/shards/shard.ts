import { type FragmentId, HalfsecondError } from '@halfsecond/protocol'
import type { FeatureSet } from '../../core/features/feature-set.ts'
import type { Fragment } from '../../core/fragment/fragment.ts'
import { foldEntry } from '../../core/shard/fold.ts'
import type { ShardState } from '../../core/shard/shard-state.ts'
import { signalDestination } from '../../core/shard/signal.ts'
import type { Actors } from '../actors/actors.ts'
import type { Clock, Discontinuity, Log, LogEntry, Observer, ShardStore, Tail } from '../ports.ts'
import { ShardMemory } from './shard-memory.ts'
import { recoverShard } from './shard-rows.ts'
import { type Waiter, Waiters } from './waiters.ts'

/** An answer is fresh while the log said so within this time. */
const freshMs = 1_000

/** How long what the log had said before a standstill may still come, and be taken for new. */
const distrustMs = 200

/** A replica that lacks for longer what another one has does not know the log's end. */
const behindMs = 300

/**
 *   recovering ──► following ──► discontinued   the log cannot be followed from here
 *                      ├───────► parked         the fold met what it must not guess about
 *                      └───────► diverged      most other replicas folded the same entries to other facts
 */
export type ShardStatus = 'recovering' | 'following' | 'discontinued' | 'parked' | 'diverged'

export interface ShardDependencies {
  readonly log: Log
  readonly actors: Actors
  readonly clock: Clock
  readonly observer: Observer
  /** Replicas compare digests at positions that this divides; 10,000 by default. */
  readonly digestEvery?: number
  /** Whether what the log tells is of now; by default it is. */
  readonly isTimely?: () => boolean
  /** Since when at the earliest what was read at a time may have been on its way; by default since then. */
  readonly toldSince?: (heardAt: number) => number
}

interface UnsentHead {
  readonly n: number
  readonly since: number
}

/** Positions between two digests that replicas compare. */
const digestEveryEntries = 10_000

/** Digests that are kept for replicas that are a little behind. */
const digestsKept = 4

/** One replica of a shard: follows its log, folds it, answers what it knows. */
export class Shard {
  readonly number: number
  readonly state: ShardState
  readonly memory: ShardMemory
  status: ShardStatus = 'recovering'
  /** Why the shard stopped, in words. */
  stopped = ''
  /** Why the log cannot be followed, where that is why the shard stopped. */
  discontinuity: Discontinuity | undefined
  /** Whether another replica folded the same entries to other facts, and nobody knows who is right. */
  isSuspect = false
  /** Position that the store has on disk. */
  flushed: number
  /** Called after every entry that changed who leads or which playbook decides. */
  onOwn: () => void = () => {}
  /** Called after every entry that left something for others. */
  onOutbox: () => void = () => {}
  /** Called when somebody waits until what others were told has left the outbox. */
  onUnsentAsked: () => void = () => {}
  /** Up to which row what waits for a destination is known to be in its log: its primary knows. */
  arrivedAt: (destination: number) => number = () => 0
  /** Called once, when the shard stops. */
  onStop: () => void = () => {}
  /** When the last entry of a channel was folded, by the clock that never jumps. */
  foldedAt = Number.NEGATIVE_INFINITY
  /** The latest time that the log gave an entry since this life began; 0 before the first. */
  logTime = 0
  /** Entries folded since the last tick of the primary. */
  traffic = 0
  private readonly uses: ShardDependencies
  private readonly waiters: Waiters
  private tail: Tail | undefined
  private giveUp: (error: Error) => void = () => {}
  private confirmedAt = Number.NEGATIVE_INFINITY
  private trustedAt = Number.NEGATIVE_INFINITY
  /** The first position of another replica that is not reached yet, and since when it is known. */
  private behind = { of: 0, since: 0 }
  /** What waited first for each destination at the last look. */
  private heads: ReadonlyMap<number, UnsentHead> = new Map()
  private readonly digests: { readonly at: number; readonly digest: string }[] = []

  /** Reads what the store has. @throws AssertionError if that cannot be used */
  constructor(number: number, incarnation: number, store: ShardStore, uses: ShardDependencies) {
    const recovered = recoverShard(store, number, uses.log.shards, incarnation)
    const { state } = recovered
    this.number = number
    this.state = state
    this.flushed = state.applied
    this.uses = uses
    this.memory = new ShardMemory(recovered, store, uses.actors, uses.observer)
    this.waiters = new Waiters(uses.clock)
  }

  /**
   * Follows the log from where the store is. Resolves when all that it has now is folded; rejects
   * where the shard stops before.
   */
  follow(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.giveUp = reject
      this.tail = this.uses.log.follow(this.number, this.state, {
        entry: (entry) => {
          try {
            this.fold(entry)
          } catch (error) {
            reject(new Error(this.stopped))
            throw error
          }
        },
        caughtUp: (heardAt) => {
          this.confirm(heardAt)
          if (this.status === 'recovering') this.status = 'following'
          resolve()
        },
        discontinued: (why) => {
          this.discontinuity = why
          this.stop('discontinued', describe(why, this.state))
          reject(new Error(this.stopped))
        },
      })
    })
  }

  /** Whether all that was acknowledged up to a second ago is known to be folded. */
  get isFresh(): boolean {
    return this.isFreshAt(this.uses.clock.monotonic())
  }

  /** As `isFresh`, for whoever knows the time: asking the clock costs as much as all the rest. */
  isFreshAt(now: number): boolean {
    const isBehind = this.behind.of > this.state.applied && now - this.behind.since > behindMs
    const isConfirmed = this.status === 'following' && now - this.confirmedAt <= freshMs
    return isConfirmed && !isBehind && this.uses.isTimely?.() !== false
  }

  /** Another replica has folded up to here: a server of the log that lags may not know it yet. */
  elsewhere(applied: number): void {
    if (applied <= this.state.applied || this.behind.of > this.state.applied) return
    this.behind = { of: applied, since: this.uses.clock.monotonic() }
  }

  /**
   * For how long the oldest of what other shards must hear, and what is not known to be in their
   * logs, waits at most; 0 where nothing does.
   */
  unsentMs(): number {
    const { outbox, shards } = this.state
    const now = this.uses.clock.monotonic()
    const heads = new Map<number, UnsentHead>()
    let longest = 0
    for (const destination of outbox.waiting()) {
      const arrived = this.arrivedAt(destination)
      // Most of what waits has arrived, and is noted with the next tick.
      if (destination === signalDestination(shards) || outbox.last(destination) <= arrived) continue
      const [first] = outbox.rows(destination, arrived)
      if (first === undefined) continue
      const { n } = first
      const before = this.heads.get(destination)
      const head = before?.n === n ? before : { n, since: now }
      heads.set(destination, head)
      longest = Math.max(longest, now - head.since)
    }
    this.heads = heads
    return longest
  }

  /** The process stood still: the log is believed anew once what waited has been read. */
  distrust(): void {
    this.confirmedAt = Number.NEGATIVE_INFINITY
    this.trustedAt = this.uses.clock.monotonic() + distrustMs
  }

  get isStopped(): boolean {
    return this.status !== 'recovering' && this.status !== 'following'
  }

  /** Waits until the fold has reached a position. Resolves with whether it has. */
  reached(sequence: number, timeoutMs: number): Waiter {
    if (sequence <= this.state.applied) return Promise.resolve(true)
    return this.waiters.add(sequence, timeoutMs)
  }

  /** The last digest that replicas compare, and where it was taken. */
  get digest(): { readonly at: number; readonly digest: string } {
    return this.digests[this.digests.length - 1] ?? { at: 0, digest: '' }
  }

  /** The digest at a position, where it was taken not long ago. */
  digestAt(position: number): string | undefined {
    return this.digests.find(({ at }) => at === position)?.digest
  }

  /** Most replicas agree on other facts: this one must not answer any more. */
  diverged(why: string): void {
    if (!this.isStopped) this.stop('diverged', why)
  }

  read(identifier: FragmentId): Fragment | undefined {
    return this.memory.read(identifier)
  }

  /** Features that the active playbook wants, so that stored ones are taken over. */
  wants(features: FeatureSet | null): void {
    this.memory.features = features
  }

  async close(): Promise<void> {
    this.waiters.close()
    // Whoever waits until it follows waits no longer.
    this.giveUp(new HalfsecondError('CLOSED', `shard ${this.number} is closed`))
    await this.tail?.close()
  }

  /** What was said long ago and read just now confirms the log as of then, not as of now. */
  private confirm(heardAt: number | undefined): void {
    const { clock, toldSince } = this.uses
    const at = heardAt ?? clock.monotonic()
    if (at < this.trustedAt) return
    const since = heardAt === undefined ? at : (toldSince?.(heardAt) ?? heardAt)
    this.confirmedAt = Math.max(this.confirmedAt, since)
  }

  private fold(entry: LogEntry): void {
    if (this.isStopped) return
    const { clock, observer, actors } = this.uses
    try {
      const { applied, skipped, rejected } = foldEntry(this.state, entry, this.memory)
      observer.folded(this.number, applied, skipped, rejected, clock.now() - entry.timestamp)
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      this.stop(
        'parked',
        `entry ${entry.sequence} of shard ${this.number} cannot be folded: ${detail}`,
      )
      observer.failed('fold', error instanceof Error ? error : new Error(detail))
      throw error
    }
    // It may be an old one of many that wait: only `caughtUp` says that nothing is missing.
    this.logTime = Math.max(this.logTime, entry.timestamp)
    if (entry.sequence % (this.uses.digestEvery ?? digestEveryEntries) === 0) this.takeDigest()
    if (entry.own) this.onOwn()
    else {
      this.traffic++
      this.foldedAt = clock.monotonic()
    }
    if (this.state.outbox.size > 0) this.onOutbox()
    actors.makeRoom()
    this.waiters.reached(entry.sequence)
  }

  private takeDigest(): void {
    const { applied, digest } = this.state
    this.digests.push({ at: applied, digest: digest.toString() })
    if (this.digests.length > digestsKept) this.digests.shift()
  }

  private stop(status: 'discontinued' | 'parked' | 'diverged', why: string): void {
    this.status = status
    this.stopped = why
    this.uses.observer.noted('error', why, { shard: this.number, status })
    this.onStop()
  }
}

function describe(why: Discontinuity, { shard, applied }: ShardState): string {
  switch (why) {
    case 'TRIM_GAP':
      return `the log of shard ${shard} no longer has entry ${applied + 1}: start this node with an empty data directory`
    case 'AHEAD':
      return `the log of shard ${shard} ends before ${applied}, which this node has folded: the log lost entries, restore it before serving`
    case 'DIVERGED':
      return `the log of shard ${shard} holds another entry ${applied} than the one this node folded: do not serve from both`
    case 'RECREATED':
      return `the log of shard ${shard} was created anew: this data directory belongs to another log; use the right one, or an empty directory`
  }
}
