import {
  bounds,
  HalfsecondError,
  type Identifier,
  type Namespaces,
  type Outcome,
  type Position,
  toHalfsecondError,
} from '@halfsecond/protocol'
import { peekToken } from '@halfsecond/protocol/token'
import { backoffMs } from './backoff.ts'
import { type Counters, initialCounters } from './counters.ts'
import type { Decision } from './decision.ts'
import { Decisions } from './decisions.ts'
import { ignorable } from './ignorable.ts'
import { MapFollower } from './map-follower.ts'
import type { CompiledOptions } from './options.ts'
import { type NewRecord, Recorder, type RecordOptions } from './recorder.ts'
import type { Transport } from './transport.ts'
import {
  checkedCount,
  type DecideOptions,
  type Identifiers,
  toIdentifiers,
  toPositions,
  Visitor,
} from './visitor.ts'
import { within } from './within.ts'

/** How long `close` waits for acknowledgements unless told otherwise. */
const closeMs = 5_000

/** How long an outcome is tried where only the cluster can check its token. */
const outcomeMs = 15_000

/** A connection of a channel server to a cluster. Make one per process and share it. */
export class Client {
  private readonly transport: Transport
  private readonly options: CompiledOptions
  private readonly counters: Counters = initialCounters()
  private readonly map: MapFollower
  private readonly recorder: Recorder
  private readonly decisions: Decisions
  private readonly reports = new Set<Promise<Position>>()
  private closing: Promise<void> | undefined

  /** Made by `connect`. */
  constructor(transport: Transport, options: CompiledOptions) {
    this.transport = transport
    this.options = options
    this.map = new MapFollower(transport, options.onProblem)
    this.recorder = new Recorder(transport, this.map, options, this.counters)
    this.decisions = new Decisions(
      transport,
      this.map,
      this.recorder,
      options.defaults,
      this.counters,
    )
  }

  /**
   * Somebody on this channel.
   * @param identifiers at least one, like `{ anon: id }`
   * @param position text that another server's `visitor.position` gave
   * @throws HalfsecondError `INVALID`, `UNKNOWN_NAMESPACE`, `TOO_LARGE` or `MALFORMED`
   */
  visitor(identifiers: Identifiers, position?: string): Visitor {
    const known = toIdentifiers(identifiers, this.namespaces)
    if (known.length === 0) {
      throw new HalfsecondError(
        'INVALID',
        'a visitor has at least one identifier, like { anon: id }',
      )
    }
    return new Visitor(this, checkedCount(known), toPositions(position))
  }

  /**
   * An outcome that came back with a token. Resolves with its position once it is durable: from
   * then on every channel's next answer reflects it.
   * Rejects with `MALFORMED` or `FORBIDDEN` for a token that is none of ours, or has expired. Like
   * all that records, the promise may be ignored.
   */
  outcome(token: string, outcome: Outcome, options: RecordOptions = {}): Promise<Position> {
    try {
      const { tokenKeys } = this.options
      if (tokenKeys === undefined) return this.report(token, outcome, options)
      const said = tokenKeys.verify(token, Date.now(), this.namespaces)
      const { decision, key, placement, offer, treatment } = said
      const record = { kind: 'outcome' as const, key, decision, placement, offer, treatment }
      return this.record({ ...record, outcome }, options)
    } catch (thrown) {
      return this.refused(thrown)
    }
  }

  /** What this client did since it was made. */
  stats(): Counters {
    const { dropped, decided } = this.counters
    return { ...this.counters, dropped: { ...dropped }, decided: { ...decided } }
  }

  /**
   * Resolves when the cluster has answered once; rejects with `UNAVAILABLE` after `timeoutMs`,
   * 5,000 by default. Nothing has to wait for it: records queue, and decides answer by default.
   */
  ready(timeoutMs = 5_000): Promise<void> {
    return this.map.ready(timeoutMs)
  }

  /**
   * Waits until everything recorded is acknowledged, at most `timeoutMs`, then disconnects. What is
   * still queued then fails with `CLOSED`. Calls after it fail with `CLOSED`; decides answer
   * default content.
   */
  close(timeoutMs = closeMs): Promise<void> {
    this.closing ??= this.finish(timeoutMs)
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** For the web frameworks: something that no caller can be told. */
  problem(error: HalfsecondError): void {
    this.options.onProblem(error)
  }

  /** Namespaces of identifiers that the cluster knows. */
  get namespaces(): Namespaces {
    return this.map.namespaces
  }

  /** For `Visitor`: records, and lets the promise be ignored. */
  record(record: NewRecord, options: RecordOptions): Promise<Position> {
    return this.recorder.record(record, options)
  }

  /** For `Visitor`: counts a record that could not even be made, and lets the promise be ignored. */
  refused(thrown: unknown): Promise<never> {
    const error = toHalfsecondError(thrown, 'INVALID', 'cannot record')
    this.recorder.dropped(1, error)
    return ignorable(Promise.reject(error))
  }

  /** For `Visitor`: what this client and others recorded last for these identifiers. */
  positionsOf(
    identifiers: readonly Identifier[],
    imported: readonly Position[],
  ): readonly Position[] {
    return this.recorder.positionsOf(identifiers, imported)
  }

  /**
   * For `Visitor`: one decision per placement, in their order.
   * @param imported positions besides those of this client
   */
  decide(
    identifiers: readonly Identifier[],
    imported: readonly Position[],
    placements: readonly string[],
    { deadlineMs = this.options.deadlineMs }: DecideOptions,
  ): Promise<Decision[]> {
    const wanted = Number.isNaN(deadlineMs) ? this.options.deadlineMs : deadlineMs
    const deadline = Math.min(Math.max(1, wanted), bounds.deadlineMs)
    return this.decisions.decide(identifiers, imported, placements, deadline)
  }

  private async finish(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs
    const reports = Promise.allSettled([...this.reports])
    await this.recorder.close(timeoutMs)
    await within(Math.max(0, end - performance.now()), reports)
    this.map.close()
    this.decisions.close()
    await this.transport.close()
  }

  /** Records an outcome through a node, which checks its token. */
  private report(token: string, outcome: Outcome, options: RecordOptions): Promise<Position> {
    const report = this.transport.outcome?.bind(this.transport)
    if (report === undefined) {
      throw new HalfsecondError(
        'FORBIDDEN',
        'this server cannot check tokens: give it the HALFSECOND_TOKEN_KEYS of the cluster',
      )
    }
    if (this.closing !== undefined) throw new HalfsecondError('CLOSED', 'the client is closed')
    const { key } = peekToken(token, this.namespaces)
    const { at = this.recorder.now(), id = this.recorder.newId() } = options
    const reported = this.untilReported(() => report(token, outcome, at, id)).then(
      (position) => {
        this.counters.acknowledged++
        this.recorder.recent.learned(key, position)
        return position
      },
      (error: HalfsecondError) => {
        this.recorder.dropped(1, error)
        throw error
      },
    )
    this.counters.recorded++
    this.reports.add(reported)
    const settled = () => this.reports.delete(reported)
    reported.then(settled, settled)
    return reported
  }

  private async untilReported(report: () => Promise<Position>): Promise<Position> {
    const end = performance.now() + outcomeMs
    for (let attempt = 0; ; attempt++) {
      try {
        return await report()
      } catch (thrown) {
        const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'cannot report the outcome')
        if (!error.retryable || performance.now() > end) throw error
        this.counters.retries++
        await pause(backoffMs(attempt, 50, 2_000))
      }
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
