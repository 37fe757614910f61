import { subjects, toHalfsecondError } from '@halfsecond/protocol'
import type { Msg, Subscription } from '@nats-io/transport-node'
import { discontinuity } from '../core/shard/continuity.ts'
import { fingerprintOf } from '../core/shard/fold.ts'
import type { Clock, Cursor, Follower, LogEntry, Observer, Tail, Timer } from '../runtime/ports.ts'
import { type Nats, nodeInbox } from './connection.ts'
import { readDirectly } from './direct-reader.ts'
import {
  createConsumer,
  deleteConsumer,
  parseDelivered,
  pull,
  storedEntry,
  streamExtent,
} from './stream-api.ts'
import type { Turns } from './turns.ts'

/** The server says at least this often that there is nothing. Two of them in half the fresh time. */
const heartbeatMs = 400

/** Silence that counts as a lost consumer: two heartbeats were missed, and some grace. */
const silenceMs = 1_200

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
  /** Lets few attach at once: consumers are created by one leader for all streams. */
  readonly attaching: <T>(run: () => Promise<T>) => Promise<T>
  readonly random: () => number
}

/**
 * Follows one stream for ever. The library's ordered consumer stalls for a minute when the server
 * that hosts it dies; this one notices silence and starts again behind the last entry.
 *
 *   attaching ──► following ──► (silence, gap, consumer gone, connection back) ──► attaching
 *       └──► ended   discontinued, closed, or the follower threw
 *
 * While it attaches anew, it goes on by direct gets: see `readDirectly`.
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
  private failures = 0
  private watchdog: Timer | undefined
  private isEnded = false
  /** Whether the tail was followed before, so that its checks were passed once. */
  private hasFollowed = false
  private isReading = false

  constructor(shard: number, cursor: Cursor, follower: Follower, uses: TailerDependencies) {
    this.shard = shard
    this.stream = subjects.stream(shard)
    this.incarnation = cursor.incarnation
    this.last = cursor.applied
    this.fingerprint = cursor.fingerprint
    this.follower = follower
    this.uses = uses
    void this.attach()
    this.watch()
  }

  /** The connection is back: whatever the tailer waits for, it may try now. */
  reconnected(): void {
    this.failures = 0
    void this.attach()
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
    this.watchdog?.cancel()
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
    void this.readOn()
    try {
      await this.uses.attaching(() => this.start(generation))
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
    const { nats } = this.uses
    if (generation !== this.generation) return
    // Meanwhile the tail may read on: what is compared is where it was before it asked.
    const cursor = this.cursor()
    const { applied } = cursor
    const extent = await streamExtent(nats, this.stream)
    const isHeld = applied >= extent.first && applied <= extent.last
    const entry = isHeld ? await storedEntry(nats, this.stream, applied) : undefined
    if (generation !== this.generation) return
    const why = discontinuity(cursor, extent, entry)
    if (why !== undefined) {
      this.end()
      this.follower.discontinued(why)
      return
    }
    const consumer = `hs-${this.shard}-${Math.floor(this.uses.random() * 2 ** 48).toString(36)}`
    await createConsumer(nats, this.stream, { name: consumer, startSequence: this.last + 1 })
    if (generation !== this.generation) return
    this.consumer = consumer
    this.listen(generation, extent.last)
  }

  private cursor(): Cursor {
    if (this.newest !== undefined) {
      this.fingerprint = fingerprintOf(this.newest)
      this.newest = undefined
    }
    const { incarnation, last, fingerprint } = this
    return { incarnation, applied: last, fingerprint }
  }

  private listen(generation: number, last: number): void {
    const inbox = `${nodeInbox}.${this.consumer}`
    this.subscription = this.uses.nats.listen(inbox, (message) => {
      if (generation !== this.generation) return
      this.heardAt = this.uses.clock.monotonic()
      this.uses.turns.run(() => {
        if (generation === this.generation) this.receive(message)
      })
    })
    this.heardAt = this.uses.clock.monotonic()
    this.hasFollowed = true
    this.failures = 0
    this.ask()
    if (this.last >= last) this.follower.caughtUp()
  }

  private ask(): void {
    if (this.asked > pullMessages / 2) return
    const inbox = `${nodeInbox}.${this.consumer}`
    this.asked += pullMessages
    pull(this.uses.nats, this.stream, this.consumer, inbox, pullMessages, pullMs, heartbeatMs)
  }

  /** Entries come with a subject to acknowledge on; a status has a code instead. */
  private receive(message: Msg): void {
    if (message.reply?.startsWith('$JS.ACK.')) this.deliver(message)
    else if (message.headers?.code === 100) this.follower.caughtUp()
    else this.told(message)
  }

  private deliver(message: Msg): void {
    const { sequence, timestamp, pending } = parseDelivered(message.reply ?? '')
    this.asked--
    if (sequence > this.last + 1) {
      void this.attach()
      return
    }
    const own = message.subject.startsWith('hs.own.')
    // What was read directly meanwhile comes once more.
    if (sequence > this.last) this.pass({ sequence, timestamp, own, bytes: message.data })
    if (this.isEnded) return
    if (pending === 0) this.follower.caughtUp()
    this.ask()
  }

  private pass(entry: LogEntry): void {
    this.last = entry.sequence
    this.newest = { bytes: entry.bytes, timestamp: entry.timestamp }
    try {
      this.follower.entry(entry)
    } catch {
      // The follower has told its observer; a tail never goes on after a throw.
      this.end()
    }
  }

  /** Until there is a consumer again. */
  private async readOn(): Promise<void> {
    if (!this.hasFollowed || this.isReading || this.last === 0) return
    this.isReading = true
    await readDirectly(this.uses.nats, this.uses.clock, this.stream, {
      isWanted: () => !this.isEnded && this.consumer === '',
      cursor: () => this.cursor(),
      pass: (entry) => this.pass(entry),
    })
    this.isReading = false
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

  private watch(): void {
    this.watchdog = this.uses.clock.after(heartbeatMs, () => {
      if (this.isEnded) return
      if (this.uses.clock.monotonic() - this.heardAt > silenceMs) void this.attach()
      this.watch()
    })
  }
}
