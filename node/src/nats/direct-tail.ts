import { fingerprintOf } from '../core/shard/fold.ts'
import type { Clock, Cursor, LogEntry } from '../runtime/ports.ts'
import { type Nats, nodeInbox } from './connection.ts'
import { storedEntries } from './direct-gets.ts'
import { streamExtent } from './stream-api.ts'

/** How soon to look again where there was nothing. */
const lookAgainMs = 100

/** How often to ask for the end of the stream, and how old an answer still says something of now. */
const askEndMs = 300
const endHoldsMs = 200

/** What a direct tail asks of the tail that it stands in for. */
export interface StandsInFor {
  cursor(): Cursor
  /** Passes on those that follow, in order. Resolves once that is done. */
  take(entries: readonly LogEntry[]): Promise<void>
  caughtUp(askedAt: number): void
}

export interface DirectTailDependencies {
  readonly nats: Nats
  readonly clock: Clock
  readonly random: () => number
}

/**
 * Follows a stream by asking again and again, in place of a consumer that is silent or cannot be
 * made: that takes the leader of all streams, whose election lasts seconds, while any server that
 * has the stream answers this.
 *
 * D1 each batch begins with the entry that was passed on last. If that is not the same, the stream is
 *    not the same, or lost entries, or was trimmed: then nothing is passed on, and only the checks of
 *    an attach can tell.
 * D2 who answers may be behind, so that it has no more entries says nothing. Only the leader of the
 *    stream knows its end: the tail has caught up when it has passed what the leader said just now.
 */
export class DirectTail {
  private readonly stream: string
  private readonly tail: StandsInFor
  private readonly uses: DirectTailDependencies
  private isRunning = false
  /** Grows with every start and stop: what belongs to an earlier run is ignored. */
  private generation = 0
  private askedEndAt = Number.NEGATIVE_INFINITY
  /** Sequence that the leader said was the last when it was asked. */
  private end: { readonly last: number; readonly at: number } | undefined

  constructor(stream: string, tail: StandsInFor, uses: DirectTailDependencies) {
    this.stream = stream
    this.tail = tail
    this.uses = uses
  }

  start(): void {
    if (this.isRunning) return
    this.isRunning = true
    void this.run(++this.generation)
  }

  stop(): void {
    this.isRunning = false
    this.generation++
  }

  private async run(generation: number): Promise<void> {
    while (generation === this.generation) {
      void this.askEnd(generation)
      const isMore = await this.read(generation)
      if (generation !== this.generation) return
      this.compare()
      if (!isMore) await new Promise<void>((resolve) => this.uses.clock.after(lookAgainMs, resolve))
    }
  }

  /** Resolves with whether there was something: then there may be more. */
  private async read(generation: number): Promise<boolean> {
    const { nats, clock, random } = this.uses
    const { applied, fingerprint } = this.tail.cursor()
    // Nothing says that a stream is the same as before if nothing of it was passed on.
    if (applied === 0) return false
    const inbox = `${nodeInbox}.hs-${Math.floor(random() * 2 ** 48).toString(36)}`
    try {
      const [same, ...entries] = await storedEntries(nats, clock, this.stream, applied, inbox)
      const isSame = same?.sequence === applied && fingerprintOf(same) === fingerprint
      if (generation !== this.generation || !isSame || entries.length === 0) return false
      await this.tail.take(entries)
      return true
    } catch {
      // Nobody can be reached now: it is asked again.
      return false
    }
  }

  private async askEnd(generation: number): Promise<void> {
    const { nats, clock } = this.uses
    const at = clock.monotonic()
    if (at - this.askedEndAt < askEndMs) return
    this.askedEndAt = at
    const from = this.tail.cursor().applied
    try {
      const { incarnation, last } = await streamExtent(nats, this.stream)
      if (generation !== this.generation) return
      if (incarnation !== this.tail.cursor().incarnation) return
      // An end before what was passed already is that of a log which lost entries: it says nothing.
      this.end = from <= last ? { last, at } : undefined
      this.compare()
    } catch {
      // The stream has no leader now, so nobody knows its end.
    }
  }

  private compare(): void {
    const { end } = this
    if (end === undefined || this.uses.clock.monotonic() - end.at > endHoldsMs) return
    if (this.tail.cursor().applied >= end.last) this.tail.caughtUp(end.at)
  }
}
