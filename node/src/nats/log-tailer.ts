import { subjects, toHalfsecondError } from '@halfsecond/protocol'
import type { Msg, Subscription } from '@nats-io/transport-node'
import { discontinuity } from '../core/shard/continuity.ts'
import { fingerprintOf } from '../core/shard/fold.ts'
import type { Clock, Cursor, Follower, LogEntry, Observer, Tail } from '../runtime/ports.ts'
import { type Nats, nodeInbox } from './connection.ts'
import { storedEntry } from './direct-gets.ts'
import { DirectTail } from './direct-tail.ts'
import { createConsumer, deleteConsumer, parseDelivered, pull, streamExtent } from './stream-api.ts'
import type { Turns } from './turns.ts'

/** The server says at least this often that there is nothing. Two of them in half the fresh time. */
const heartbeatMs = 400

/** Silence that counts as a lost consumer: two heartbeats were missed, and some grace. */
const silenceMs = 1_200

/** After so much silence, or so long without a consumer, it goes on by direct gets meanwhile. */
const directAfterMs = 800
const attachingMs = 200

/** How old an answer about the end of the stream may be that still says something of now. */
const endHoldsMs = 200

/** How long the stream has to lack entries until that is believed. */
const aheadMs = 2_000

/** How often silence has to be looked for: by one timer for all tailers of a node. */
export const watchMs = 200

/** A pull that lasts; it is renewed when used up, or when the server ends it. */
const pullMs = 60_000

/** Messages asked for at once: with 64 KiB each they are what may wait for the fold, per shard. */
const pullMessages = 256

const firstRetryMs = 200
const retryMaxMs = 5_000

export interface TailerDependencies {
  readonly nats: Nats
  readonly clock: Clock
  readonly observer: Observer
  readonly turns: Turns
  /** Lets few be made at once: consumers are created by one leader for all streams. */
  readonly creating: <T>(run: () => Promise<T>) => Promise<T>
  readonly random: () => number
}

/**
 * Follows one stream for ever. The library's ordered consumer stalls for a minute when the server
 * that hosts it dies; this one notices silence and starts again behind the last entry.
 *
 *   attaching ──► following ──► (silence, gap, consumer gone, connection back) ──► attaching
 *       └──► ended   discontinued, closed, or the follower threw
 *
 * While there is no consumer, or it says nothing, entries come by direct gets.
 *
 * T1 entries are passed on in order, each once: an entry that does not follow the last one is not
 *    passed, the tailer attaches again instead.
 * T2 every attach checks continuity first, since servers skip silently.
 */
export class LogTailer implements Tail {
  private readonly shard: number
  private readonly stream: string
  private readonly follower: Follower
  private readonly uses: TailerDependencies
  private readonly incarnation: number
  /** Sequence of the last entry that was passed on, or that the follower began behind. */
  private last: number
  private fingerprint: string
  /** That entry, once one was passed on: its fingerprint is needed only to attach again. */
  private newest: Pick<LogEntry, 'bytes' | 'timestamp'> | undefined
  private subscription: Subscription | undefined
  private consumer = ''
  /** Grows with every attach: what belongs to an earlier one is ignored. */
  private generation = 0
  /** Messages asked for and not yet delivered. */
  private asked = 0
  private heardAt = 0
  private readonly direct: DirectTail
  /** When it goes on by direct gets, unless the consumer says something before. */
  private directAt: number
  /** Since when the stream seems to lack entries that were passed on. */
  private aheadSince: number | undefined
  private failures = 0
  private isEnded = false

  constructor(shard: number, cursor: Cursor, follower: Follower, uses: TailerDependencies) {
    this.shard = shard
    this.stream = subjects.stream(shard)
    this.incarnation = cursor.incarnation
    this.last = cursor.applied
    this.fingerprint = cursor.fingerprint
    this.follower = follower
    this.uses = uses
    this.directAt = uses.clock.monotonic() + attachingMs
    this.direct = new DirectTail(
      this.stream,
      {
        cursor: () => this.cursor(),
        take: (entries) => this.take(entries),
        caughtUp: (askedAt) => follower.caughtUp(askedAt),
      },
      uses,
    )
    void this.attach()
  }

  /** The connection is back: whatever the tailer waits for, it may try now. */
  reconnected(): void {
    this.failures = 0
    void this.attach()
  }

  /** Looks for silence: to be called every `watchMs`. */
  watch(): void {
    if (this.isEnded) return
    const now = this.uses.clock.monotonic()
    if (now - this.heardAt > silenceMs) void this.attach()
    if (now >= this.directAt) this.direct.start()
  }

  async close(): Promise<void> {
    const { consumer } = this
    this.end()
    if (consumer === '') return
    await deleteConsumer(this.uses.nats, this.stream, consumer).catch(() => {
      // It is gone by itself after its inactive threshold.
    })
  }

  private end(): void {
    this.isEnded = true
    this.direct.stop()
    this.detach()
  }

  private detach(): void {
    this.generation++
    this.subscription?.unsubscribe()
    this.subscription = undefined
    this.consumer = ''
    this.asked = 0
  }

  private async attach(): Promise<void> {
    if (this.isEnded) return
    this.detach()
    const { generation } = this
    this.heardAt = Number.POSITIVE_INFINITY
    this.directAt = Math.min(this.directAt, this.uses.clock.monotonic() + attachingMs)
    try {
      await this.start(generation)
    } catch (error) {
      if (generation !== this.generation || this.isEnded) return
      this.uses.observer.failed(
        `attach to ${this.stream}`,
        toHalfsecondError(error, 'UNAVAILABLE', 'cannot attach'),
      )
      this.retry(generation)
    }
  }

  private retry(generation: number): void {
    const ceiling = Math.min(retryMaxMs, firstRetryMs * 2 ** Math.min(this.failures++, 10))
    this.uses.clock.after(ceiling * (0.5 + this.uses.random() / 2), () => {
      if (generation === this.generation) void this.attach()
    })
  }

  private async start(generation: number): Promise<void> {
    const { nats, clock, creating } = this.uses
    // Meanwhile the cursor may move on.
    const cursor = this.cursor()
    const askedAt = clock.monotonic()
    const extent = await streamExtent(nats, this.stream)
    const isHeld = cursor.applied >= extent.first && cursor.applied <= extent.last
    const entry = isHeld ? await storedEntry(nats, this.stream, cursor.applied) : undefined
    if (generation !== this.generation) return
    const why = discontinuity(cursor, extent, entry)
    if (why === 'AHEAD' && !this.isSureToBeAhead()) {
      this.retry(generation)
      return
    }
    if (why !== undefined) {
      this.end()
      this.follower.discontinued(why)
      return
    }
    this.aheadSince = undefined
    const name = `hs-${this.shard}-${Math.floor(this.uses.random() * 2 ** 48).toString(36)}`
    await creating(async () => {
      if (generation === this.generation)
        await createConsumer(nats, this.stream, { name, startSequence: this.last + 1 })
    })
    if (generation !== this.generation) return
    this.consumer = name
    this.listen(generation)
    const isNow = clock.monotonic() - askedAt <= endHoldsMs
    if (isNow && this.last >= extent.last) this.follower.caughtUp(askedAt)
  }

  /** A server that was cut off may for a moment answer like the leader that it no longer is. */
  private isSureToBeAhead(): boolean {
    const now = this.uses.clock.monotonic()
    this.aheadSince ??= now
    return now - this.aheadSince >= aheadMs
  }

  private cursor(): Cursor {
    if (this.newest !== undefined) {
      this.fingerprint = fingerprintOf(this.newest)
      this.newest = undefined
    }
    const { incarnation, last, fingerprint } = this
    return { incarnation, applied: last, fingerprint }
  }

  private listen(generation: number): void {
    const inbox = `${nodeInbox}.${this.consumer}`
    this.subscription = this.uses.nats.listen(inbox, (message) => {
      if (generation !== this.generation) return
      const heardAt = this.heard()
      this.uses.turns.run(() => {
        if (generation === this.generation) this.receive(message, heardAt)
      })
    })
    this.heardAt = this.uses.clock.monotonic()
    this.directAt = this.heardAt + directAfterMs
    this.failures = 0
    this.ask()
  }

  /** The silence is over. Returns when that was: until what was heard has its turn, time passes. */
  private heard(): number {
    const now = this.uses.clock.monotonic()
    this.heardAt = now
    this.directAt = now + directAfterMs
    this.direct.stop()
    return now
  }

  private ask(): void {
    if (this.asked > pullMessages / 2) return
    const inbox = `${nodeInbox}.${this.consumer}`
    this.asked += pullMessages
    pull(this.uses.nats, this.stream, this.consumer, inbox, pullMessages, pullMs, heartbeatMs)
  }

  /** Entries come with a subject to acknowledge on; a status has a code instead. */
  private receive(message: Msg, heardAt: number): void {
    if (message.reply?.startsWith('$JS.ACK.')) this.deliver(message, heardAt)
    else if (message.headers?.code === 100) this.follower.caughtUp(heardAt)
    else this.told(message)
  }

  private deliver(message: Msg, heardAt: number): void {
    const { sequence, timestamp, pending } = parseDelivered(message.reply ?? '')
    this.asked--
    if (sequence > this.last + 1) {
      void this.attach()
      return
    }
    const own = message.subject.startsWith('hs.own.')
    this.pass({ sequence, timestamp, own, bytes: message.data })
    if (this.isEnded) return
    if (pending === 0) this.follower.caughtUp(heardAt)
    this.ask()
  }

  /** The only way to the follower: what does not follow the last entry came before, another way. */
  private pass(entry: LogEntry): void {
    if (this.isEnded || entry.sequence !== this.last + 1) return
    this.last = entry.sequence
    this.newest = entry
    try {
      this.follower.entry(entry)
    } catch {
      // The follower has told its observer; a tail never goes on after a throw.
      this.end()
    }
  }

  /** Entries that were read directly, in turns as well. */
  private take(entries: readonly LogEntry[]): Promise<void> {
    for (const entry of entries) this.uses.turns.run(() => this.pass(entry))
    return new Promise((resolve) => this.uses.turns.run(resolve))
  }

  /** A status: the pull is used up or timed out (then another), or the consumer is gone. */
  private told(message: Msg): void {
    const unused = Number(message.headers?.get('Nats-Pending-Messages') ?? Number.NaN)
    const code = message.headers?.code ?? 0
    if (code === 408 || (code === 409 && !Number.isNaN(unused))) {
      this.asked -= Number.isNaN(unused) ? this.asked : unused
      this.ask()
    } else {
      void this.attach()
    }
  }
}
