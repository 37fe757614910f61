import type {
  ErrorCode,
  Freshness,
  Outcome,
  Position,
  Reason,
  Value,
  WireProposition,
} from '@halfsecond/protocol'

import { moreOf, type OutcomeDetails } from './outcome-options.ts'

/** What became of a recorded outcome: its position, or undefined where there was nothing to record. */
export type Recorded = Promise<Position | undefined>

/** One thing to show. */
export interface Proposition {
  /** What the channel renders. */
  readonly content: Value
  /** The offer; undefined for default content. */
  readonly offer: string | undefined
  /** The offer's form that `content` is. */
  readonly treatment: string | undefined
  /** Brings an outcome back from a page, link or form: `client.outcome(token, …)`. */
  readonly token: string | undefined
  /**
   * The visitor saw it. Like all five: resolves once that is durable, and may be ignored. For
   * default content there is nothing to record, and it resolves with undefined.
   */
  displayed(): Recorded
  clicked(): Recorded
  accepted(): Recorded
  /** The visitor said no to the offer; with the reason `cancel`: took an acceptance back. */
  rejected(details?: Pick<OutcomeDetails, 'reason'>): Recorded
  /** The visitor closed it. */
  dismissed(): Recorded
  /** The visitor never wants to see the offer again; across its group: nor any other of its kind. */
  unsubscribed(details?: Pick<OutcomeDetails, 'across'>): Recorded
}

/** What to show at a placement. Its own members are those of the first proposition. */
export interface Decision extends Proposition {
  readonly placement: string
  /** Why this content. */
  readonly reason: Reason
  /** Everything to show, best first: at least one, at most the placement's `count`. */
  readonly propositions: readonly [Proposition, ...Proposition[]]
  /** Whether the node knew of everything acknowledged up to a second ago; `stale` for default content. */
  readonly freshness: Freshness
  /** Version of the playbook that decided; 0 for default content of the client. */
  readonly playbook: number
  /** Version of the model that decided with it; 0 where none did. */
  readonly model: number
  /** Names the decision, in logs and for `halfsecond why`. */
  readonly decision: string
  /** Why the client had no answer and shows default content. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined
}

/** Records what became of a proposition; where it has no offer there is nothing to record. */
export type RecordOutcome = (
  proposition: MadeProposition,
  outcome: Outcome,
  details?: OutcomeDetails,
) => Recorded

/** One object for each thing shown; its outcomes are methods, as most are never called. */
export class MadeProposition implements Proposition {
  readonly placement: string
  readonly content: Value
  readonly offer: string | undefined
  readonly treatment: string | undefined
  readonly token: string | undefined
  readonly #record: RecordOutcome

  constructor(
    placement: string,
    { content, offer, treatment, token }: WireProposition,
    record: RecordOutcome,
  ) {
    this.placement = placement
    this.content = content
    this.offer = offer
    this.treatment = treatment
    this.token = token
    this.#record = record
  }

  displayed(): Recorded {
    return this.#record(this, 'display')
  }

  clicked(): Recorded {
    return this.#record(this, 'click')
  }

  accepted(): Recorded {
    return this.#record(this, 'accept')
  }

  rejected(details: Pick<OutcomeDetails, 'reason'> = {}): Recorded {
    return this.#record(this, 'reject', moreOf(details))
  }

  dismissed(): Recorded {
    return this.#record(this, 'dismiss')
  }

  unsubscribed(details: Pick<OutcomeDetails, 'across'> = {}): Recorded {
    return this.#record(this, 'unsubscribe', moreOf(details))
  }
}

/** Where a decision comes from. */
export type Origin = Pick<
  Decision,
  'decision' | 'reason' | 'freshness' | 'playbook' | 'model' | 'error'
>

export class MadeDecision extends MadeProposition implements Decision {
  readonly decision: string
  readonly reason: Reason
  readonly freshness: Freshness
  readonly playbook: number
  readonly model: number
  readonly error: Decision['error']
  readonly #others: readonly Proposition[]

  constructor(
    placement: string,
    first: WireProposition,
    record: RecordOutcome,
    origin: Origin,
    others: readonly Proposition[] = [],
  ) {
    super(placement, first, record)
    this.decision = origin.decision
    this.reason = origin.reason
    this.freshness = origin.freshness
    this.playbook = origin.playbook
    this.model = origin.model
    this.error = origin.error
    this.#others = others
  }

  get propositions(): readonly [Proposition, ...Proposition[]] {
    return [this, ...this.#others]
  }
}
