import {
  bounds,
  type ConsentMode,
  HalfsecondError,
  type Identifier,
  type Namespaces,
  type Outcome,
  type Position,
} from '@halfsecond/protocol'
import { type Counters, initialCounters } from './counters.ts'
import type { Decision, Recorded } from './decision.ts'
import { Decisions } from './decisions.ts'
import { checkedCount, type Identifiers, toIdentifiers, toPositions } from './identifiers.ts'
import { ignorable } from './ignorable.ts'
import { Inquiry } from './inquiry.ts'
import { type KnownProfile, knownProfile } from './known-profile.ts'
import { MapFollower } from './map-follower.ts'
import type { CompiledOptions } from './options.ts'
import type { OutcomeOptions } from './outcome-options.ts'
import type { Permission } from './permission.ts'
import { type NewRecord, Recorder, type RecordOptions } from './recorder.ts'
import { Reports } from './reports.ts'
import { type Accepted, isEverywhere } from './spread.ts'
import type { Transport } from './transport.ts'
import { type DecideOptions, Visitor } from './visitor.ts'
import { within } from './within.ts'

/** How long `close` waits for acknowledgements unless told otherwise. */
const closeMs = 5_000

/** A connection of a channel server to a cluster. Make one per process and share it. */
export class Client {
  private readonly transport: Transport
  private readonly options: CompiledOptions
  private readonly counters: Counters = initialCounters()
  private readonly map: MapFollower
  private readonly recorder: Recorder
  private readonly reports: Reports
  private readonly inquiry: Inquiry
  private readonly decisions: Decisions
  private closing: Promise<void> | undefined

  /** Made by `connect`. */
  constructor(transport: Transport, options: CompiledOptions) {
    const { counters } = this
    const { onProblem, defaults, tokenKeys } = options
    this.transport = transport
    this.options = options
    this.map = new MapFollower(transport, onProblem)
    this.recorder = new Recorder(transport, this.map, options, counters)
    this.reports = new Reports(transport, this.map, this.recorder, counters, tokenKeys)
    this.inquiry = new Inquiry(transport, this.map, this.recorder, counters)
    this.decisions = new Decisions(this.inquiry, this.map, this.recorder, defaults, counters)
  }

  /**
   * Somebody on this channel.
   * @param identifiers at least one, like `{ anon: id }`
   * @param position text that another server's `visitor.position` gave
   * @throws HalfsecondError `INVALID`, `UNKNOWN_NAMESPACE`, `TOO_LARGE` or `MALFORMED`
   */
  visitor(identifiers: Identifiers, position?: string): Visitor {
    return new Visitor(this, this.named(identifiers), toPositions(position))
  }

  /** For the web frameworks: somebody who may have to be asked first. Throws as `visitor`. */
  visitorWith(permission: Permission, identifiers: Identifiers): Visitor {
    return new Visitor(this, this.named(identifiers), [], permission)
  }

  /** For the web frameworks: no person, of whom nothing is recorded. Throws as `visitor`. */
  bot(identifiers: Identifiers): Visitor {
    return new Visitor(this, this.named(identifiers), [], undefined, true)
  }

  /**
   * An outcome that came back with a token. Resolves with its position once it is durable: from
   * then on every channel's next answer reflects it.
   * Rejects with `MALFORMED` or `FORBIDDEN` for a token that is none of ours; one that has expired
   * still tells what happened. Like all that records, the promise may be ignored.
   */
  outcome(token: string, outcome: Outcome, options: OutcomeOptions = {}): Promise<Position> {
    try {
      return this.reports.outcome(token, outcome, options)
    } catch (thrown) {
      return this.refused(thrown)
    }
  }

  /**
   * As `outcome(token, 'accept')`, and resolves once every channel's next decision is known to reflect
   * it, whoever asks and by whatever identifier; after half a second with what is known then.
   */
  accepted(token: string, options: OutcomeOptions = {}): Promise<Accepted> {
    try {
      return ignorable(this.reports.accepted(token, options))
    } catch (thrown) {
      return this.refused(thrown)
    }
  }

  /**
   * Whether a record about `key` is known to count in every next decision for its person. Waits for
   * it, half a second at most, and never rejects.
   */
  isEverywhere(key: Identifier, position: Position): Promise<boolean> {
    return isEverywhere(key, position, this.transport, this.map)
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

  /**
   * For the web frameworks: whether visitors have to be asked first. Waits for the cluster's answer
   * as long as a decision may take; what is not known by then is not allowed.
   */
  async consentMode(): Promise<ConsentMode> {
    if (!this.map.isKnown && this.transport.isConnected)
      await this.map.knownWithin(this.options.deadlineMs)
    return this.map.consent ?? 'required'
  }

  /** For the web frameworks: whether the cluster is known to ask nobody first. */
  get isConsentAssumed(): boolean {
    return this.map.consent === 'assumed'
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
    return this.recorder.refused(thrown)
  }

  /** For `Visitor`: counts what is not recorded of somebody who may not be recognised. */
  unconsented(): Recorded {
    this.counters.unconsented++
    return nothing
  }

  /** For `Visitor`: links the device to whom the token was made for. */
  landed(token: string, device: Identifier, options: RecordOptions): Promise<Position> {
    try {
      return ignorable(this.reports.landed(token, device, options))
    } catch (thrown) {
      return this.refused(thrown)
    }
  }

  /** For `Visitor`: whether what a token brings is known here before a node has answered. */
  get checksTokens(): boolean {
    return this.reports.areChecked
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
    { deadlineMs, isBot = false }: DecideOptions,
  ): Promise<Decision[]> {
    const deadline = this.deadlineOf(deadlineMs)
    return this.decisions.decide(identifiers, imported, placements, deadline, isBot)
  }

  /** For `Visitor`: default content, as the visitor may not be recognised. */
  decideWithheld(placements: readonly string[]): Decision[] {
    return this.decisions.withheld(placements)
  }

  /** For `Visitor`: what is known, of what this channel may read. */
  profile(
    identifiers: readonly Identifier[],
    imported: readonly Position[],
    traits: readonly string[],
    { deadlineMs }: DecideOptions,
  ): Promise<KnownProfile> {
    const deadline = this.deadlineOf(deadlineMs)
    const { channel } = this.options
    return knownProfile(this.inquiry, channel, identifiers, imported, traits, deadline)
  }

  /** For `Visitor`: a deadline within bounds. */
  deadlineOf(deadlineMs = this.options.deadlineMs): number {
    const wanted = Number.isNaN(deadlineMs) ? this.options.deadlineMs : deadlineMs
    return Math.min(Math.max(1, wanted), bounds.deadlineMs)
  }

  private named(identifiers: Identifiers): readonly Identifier[] {
    const known = toIdentifiers(identifiers, this.namespaces)
    if (known.length > 0) return checkedCount(known)
    throw new HalfsecondError('INVALID', 'a visitor has at least one identifier, like { anon: id }')
  }

  private async finish(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs
    const reported = this.reports.close()
    await this.recorder.close(timeoutMs)
    await within(Math.max(0, end - performance.now()), reported)
    this.map.close()
    this.inquiry.close()
    await this.transport.close()
  }
}

/** Of whoever may not be recognised there is nothing to record. */
const nothing: Recorded = Promise.resolve(undefined)
