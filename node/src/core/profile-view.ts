import type { Identifier, Outcome, Properties, Strength, Value } from '@halfsecond/protocol'

/**
 * A profile for people and other systems: what `export` and `/v1/profiles/:identifier` print.
 * Times are ISO 8601 in UTC with milliseconds. Lossless: re-folding it gives the same facts.
 */
export interface ProfileView {
  readonly identifiers: readonly Identifier[]
  readonly traits: { readonly [name: string]: TraitView }
  readonly links: readonly LinkView[]
  readonly consents: { readonly [purpose: string]: ConsentView }
  /** Oldest first. */
  readonly timeline: readonly EntryView[]
  /** Of the whole timeline; a gap of more than 30 minutes ends one. */
  readonly sessions: readonly SessionView[]
}

/** Where a written value came from. A removal has no `value`. */
interface WrittenView {
  readonly at: string
  readonly id: string
  readonly channel?: string
  readonly source?: string
}

export interface TraitView extends WrittenView {
  readonly value?: Value
}

export interface LinkView extends WrittenView {
  readonly to: string
  /** Absent where the link was removed. */
  readonly strength?: Strength
}

export interface ConsentView extends WrittenView {
  readonly granted?: boolean
}

/** One entry of a timeline. */
export interface EntryView {
  /** The time that counts: the sender's, but never later than the log's. */
  readonly at: string
  /** The sender's own time, where it was later. */
  readonly sentAt?: string
  /** The event's name, or the kind of any other record: `outcome`, `logout`. */
  readonly kind: string
  readonly id: string
  readonly channel?: string
  readonly source?: string
  /** Of an event. */
  readonly properties?: Properties
  /** Of an outcome. */
  readonly decision?: string
  readonly placement?: string
  readonly offer?: string
  readonly treatment?: string
  readonly outcome?: Outcome
}

export interface SessionView {
  readonly start: string
  readonly end: string
  readonly events: number
}
