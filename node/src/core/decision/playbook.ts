import type { Value } from '@halfsecond/protocol'
import type { Scope, Truth } from '../condition/compile.ts'
import type { Read } from '../condition/read.ts'
import type { Scope as Counting, FeatureSet } from '../features/feature-set.ts'
import type { Said } from '../fragment/said.ts'
import type { CalendarUnit } from './calendar.ts'
import type { Unless } from './overruled.ts'

/** A playbook after checking: what `decide` runs on. Immutable. */
export interface Playbook {
  readonly name: string
  /** Time zone of visitors who have no trait `zone`. */
  readonly zone: string
  /** Whether deciding for a person needs their consent first, or may assume it. */
  readonly consent: 'required' | 'assumed'
  /** Channel → traits that it may read by name. */
  readonly readable: ReadonlyMap<string, ReadonlySet<string>>
  /** Traits that its rules and contents can read. */
  readonly traits: readonly string[]
  readonly facts: readonly Fact[]
  readonly features: FeatureSet
  readonly placements: ReadonlyMap<string, Placement>
  /** Facts of which other systems are told whom they hold for. */
  readonly segments: readonly Segment[]
}

export interface Segment {
  /** The fact's. */
  readonly name: string
  /** Its place among the facts. */
  readonly fact: number
  /** What is decided for whoever enters it. */
  readonly triggers: readonly Placement[]
}

/** A named condition. */
export interface Fact {
  readonly name: string
  readonly condition: Condition
}

export interface Condition {
  /** As the author wrote it. */
  readonly text: string
  readonly test: (scope: Scope) => Truth
  /** What it looks at, in the order of the text; for `why`. */
  readonly reads: readonly Read[]
}

export interface Placement {
  readonly name: string
  readonly channel: string
  /** Most propositions of one answer. */
  readonly count: number
  readonly fallback: Value
  readonly limits: readonly Limit[]
  /** How long a token of this placement is good for. */
  readonly tokenMs: number
  /** Whether its content is displayed later, as in an e-mail: then deciding is the exposure. */
  readonly isLater: boolean
  /** What can be shown here, best first. */
  readonly candidates: readonly Candidate[]
}

/** An offer in the form that fits a placement. */
export interface Candidate {
  readonly offer: Offer
  readonly treatment: string
  /** Of the offer and its group; what they count may depend on the placement. */
  readonly limits: readonly Limit[]
  /** Undefined where the content refers to something unknown: then it cannot be shown. */
  readonly content: (scope: Scope) => Value | undefined
  /** What the content refers to. */
  readonly contentReads: readonly Read[]
}

export interface Offer {
  readonly name: string
  readonly group: Group | undefined
  /** Compared before the score. */
  readonly priority: number
  /** P × C × V × L; propensity P and context C are 1 until they are declared. */
  readonly score: number
  readonly when: Condition | undefined
  readonly never: Condition | undefined
}

/** Offers that share rules and limits. */
export interface Group {
  readonly name: string
  readonly never: Condition | undefined
}

/**
 * Blocks while the newest matches of a feature say so: a cap, or with `pauseMs` a suppression that
 * lasts so long from the match that reached `max`.
 */
export interface Limit {
  /** In the author's words: what `why` prints. */
  readonly text: string
  readonly on: Said
  /** What its matches have in common. */
  readonly across: Counting
  readonly feature: number
  readonly max: number
  readonly window: Window
  readonly pauseMs: number | undefined
  /** Never exceeded, not even by answers that are given at the same moment. */
  readonly strict: boolean
  readonly unless?: Unless
}

export type Window =
  | { readonly kind: 'rolling'; readonly ms: number }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit }
  | { readonly kind: 'session' }
  | { readonly kind: 'lifetime' }

/** The defaults file of a playbook: placement → content, for clients that get no answer. */
export function defaultsOf(playbook: Playbook): { [placement: string]: Value } {
  return Object.fromEntries(
    [...playbook.placements].map(([name, { fallback }]) => [name, fallback]),
  )
}
