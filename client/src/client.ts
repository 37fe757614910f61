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
import { MapFollower } from './map-follower.ts'
import type { CompiledOptions } from './options.ts'
import { type NewRecord, Recorder, type RecordOptions } from './recorder.ts'
import type { Transport } from './transport.ts'
import {
  type DecideOptions,
  type Identifiers,
  toIdentifiers,
  toPositions,
  Visitor,
} from './visitor.ts'

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
  private isClosed = false

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
    if (known.length > bounds.identifiersPerCall) {
      throw new HalfsecondError('TOO_LARGE', `at most ${bounds.identifiersPerCall} identifiers`)
    }
    return new Visitor(this, known, toPositions(position))
  }

  /**
   * An outcome that came back with a token. Resolves with its position once it is durable: from
   * then on every channel's next answer reflects it.
   * Rejects with `MALFORMED` or `FORBIDDEN` for a token that is none of ours, or has expired.
   */
  async outcome(token: string, outcome: Outcome, options: RecordOptions = {}): Promise<Position> {
    const { tokenKeys } = this.options
    if (tokenKeys === undefined) return this.outcomeByCluster(token, outcome, options)
    const { decision, key, placement, offer, treatment } = tokenKeys.verify(
      token,
      Date.now(),
      this.namespaces,
    )
    return this.record(
      { kind: 'outcome', key, decision, placement, offer, treatment, outcome },
      options,
    )
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
  async close(timeoutMs = closeMs): Promise<void> {
    await this.recorder.close(timeoutMs)
    this.isClosed = true
    this.map.close()
    this.decisions.close()
    await this.transport.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Namespaces of identifiers that the cluster knows. */
  get namespaces(): Namespaces {
    return this.map.namespaces
  }

  /** For `Visitor`: records, and lets the promise be ignored. */
  record(record: NewRecord, options: RecordOptions): Promise<Position> {
    return this.recorder.record(record, options)
  }

  /** For `Visitor`: what this client recorded last for these identifiers. */
  positionsOf(identifiers: readonly Identifier[]): Position[] {
    return this.recorder.positionsOf(identifiers)
  }

  /** For `Visitor`: one decision per placement, in their order. */
  decide(
    identifiers: readonly Identifier[],
    positions: readonly Position[],
    placements: readonly string[],
    { deadlineMs = this.options.deadlineMs }: DecideOptions,
  ): Promise<Decision[]> {
    const deadline = Math.min(Math.max(1, deadlineMs), bounds.deadlineMs)
    return this.decisions.decide(identifiers, positions, placements, deadline)
  }

  private async outcomeByCluster(
    token: string,
    outcome: Outcome,
    options: RecordOptions,
  ): Promise<Position> {
    const report = this.transport.outcome?.bind(this.transport)
    if (report === undefined) {
      throw new HalfsecondError(
        'FORBIDDEN',
        'this server cannot check tokens: give it the HALFSECOND_TOKEN_KEYS of the cluster',
      )
    }
    peekToken(token, this.namespaces)
    const end = performance.now() + outcomeMs
    const { at = this.recorder.now(), id = this.recorder.newId() } = options
    for (let attempt = 0; ; attempt++) {
      try {
        return await report(token, outcome, at, id)
      } catch (thrown) {
        const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'cannot report the outcome')
        if (!error.retryable || performance.now() > end || this.isClosed) throw error
        await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, 50, 2_000)))
      }
    }
  }
}
