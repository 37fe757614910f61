import type { Freshness, Reason, Value } from '@halfsecond/protocol'

/** Why one placement shows what it shows to one person now, in words. */
export interface Explanation {
  readonly placement: string
  /** A sentence that an agent can read aloud. */
  readonly sentence: string
  readonly reason: Reason
  readonly freshness: Freshness
  readonly playbook: number
  /** All that the person is known by, and was decided for; of a shared device its epoch. */
  readonly identifiers: readonly string[]
  /** What is shown, best first. */
  readonly shown: readonly {
    readonly offer?: string
    readonly treatment?: string
    readonly content: Value
  }[]
  /** Every candidate, best first, each with exactly one reason. */
  readonly candidates: readonly ExplainedCandidate[]
  /** Every named condition: true, false or `unknown`. Empty where consent is missing: none is asked. */
  readonly facts: { readonly [fact: string]: boolean | 'unknown' }
  /** In which arms of the placement's experiments the person is, `experiment=arm`; absent where in none. */
  readonly arms?: readonly string[]
}

export interface ExplainedCandidate {
  readonly offer: string
  readonly treatment: string
  readonly verdict:
    | 'chosen'
    | 'outranked'
    | 'taken'
    | 'content'
    | 'when'
    | 'never'
    | 'limit'
    | 'strict'
    | 'consent'
    | 'inactive'
    | 'quiet'
    | 'channel'
  /** The rule in the author's words, and the values that were compared. */
  readonly reason: string
}
