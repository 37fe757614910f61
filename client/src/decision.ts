import type { ErrorCode, Freshness, Outcome, Position, Reason, Value } from '@halfsecond/protocol'

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
  /** The visitor said no to the offer. */
  rejected(): Recorded
  /** The visitor closed it. */
  dismissed(): Recorded
  /** The visitor never wants to see the offer again. */
  unsubscribed(): Recorded
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
  /** Names the decision, in logs and for `halfsecond why`. */
  readonly decision: string
  /** Why the client had no answer and shows default content. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined
}

export type RecordOutcome = (outcome: Outcome, offer: string, treatment: string) => Recorded

const nothing: Recorded = Promise.resolve(undefined)

export function makeProposition(
  content: Value,
  offer: string | undefined,
  treatment: string | undefined,
  token: string | undefined,
  record: RecordOutcome,
): Proposition {
  const say = (outcome: Outcome): Recorded =>
    offer === undefined || treatment === undefined ? nothing : record(outcome, offer, treatment)
  return {
    content,
    offer,
    treatment,
    token,
    displayed: () => say('display'),
    clicked: () => say('click'),
    accepted: () => say('accept'),
    rejected: () => say('reject'),
    dismissed: () => say('dismiss'),
    unsubscribed: () => say('unsubscribe'),
  }
}
