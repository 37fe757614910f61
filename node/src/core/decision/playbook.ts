import type { Outcome, Value } from '@halfsecond/protocol'
import type { Item } from '../catalogue/catalogue.ts'
import type { Scope, Truth } from '../condition/compile.ts'
import type { Read } from '../condition/read.ts'
import type { Scope as Counting, FeatureSet } from '../features/feature-set.ts'
import type { Said } from '../fragment/said.ts'
import type { Lesson } from '../learning/trial.ts'
import type { CalendarUnit } from './calendar.ts'
import type { Unless } from './overruled.ts'
import type { Template } from './templates.ts'

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
  /** What lifts or sinks offers while it holds. */
  readonly contexts: readonly Context[]
  readonly groups: readonly Group[]
  /** Facts of which other systems are told whom they hold for. */
  readonly segments: readonly Segment[]
  readonly experiments: readonly Experiment[]
}

/** Treats people in different ways, to learn which is best. */
export interface Experiment {
  readonly name: string
  /** Where it counts; the treatments of its arms are for these placements alone. */
  readonly placements: ReadonlySet<string>
  readonly arms: readonly ExperimentArm[]
  /** The time in which it runs, from the first instant to before the last; ±∞ where it is open. */
  readonly starts: number
  readonly ends: number
  /** Whether a condition asks for the arm: then even default content may be by the experiment. */
  readonly isRead: boolean
  /** What tells the arms apart, once somebody was shown something. */
  readonly measure: Measure
  /** What must not get worse. */
  readonly guardrails: readonly Measure[]
}

export interface ExperimentArm {
  readonly name: string
  /** Of all people; the shares of an experiment's arms sum up to 1. */
  readonly share: number
  readonly shows: Shows
}

/**
 * What an arm shows of what may be shown: what the rules say; default content; any, each alike; the
 * best without what was learnt.
 */
export type Shows = 'rules' | 'fallback' | 'random' | 'unlearned'

/** Whether a person did something. */
export type Measure =
  | { readonly kind: 'outcome'; readonly outcome: Outcome; readonly withinMs: number }
  | { readonly kind: 'event'; readonly event: string; readonly withinMs: number }

/** How a placement learns which of its offers are taken. */
export interface Learning extends Lesson {
  /** As `lessonText` gives it. */
  readonly lesson: string
  /** What fits `propensity`: which trainer makes its models. */
  readonly trainer: 'bandit' | 'logistic'
  /** Share of decisions that try any of the arms alike: so each has a probability that is not tiny. */
  readonly explore: number
  /** What tells buckets of visitors apart, in the author's words. */
  readonly by: readonly string[]
  /** The visitor's bucket: the values of `by`, with `|` between them; unknown is `?`. */
  readonly bucketOf: (scope: Scope) => string
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

/** A number that is computed for each decision; undefined is unknown. */
export interface Formula {
  /** As the author wrote it. */
  readonly text: string
  readonly evaluate: (scope: Scope) => number | undefined
}

/** Multiplies the scores of some offers while its condition holds. */
export interface Context {
  /** Its place in the playbook. */
  readonly index: number
  readonly condition: Condition
  readonly times: number
}

/** Closed, it leaves default content to all placements of a channel. */
export interface Gate {
  /** Unless it holds, nothing is chosen. */
  readonly when: Condition | undefined
  readonly quiet: QuietHours | undefined
}

/** Minutes of the visitor's day, from 0 to 1,439, in which nothing is chosen; over midnight if `from` is later. */
export interface QuietHours {
  /** In the author's words, like `21:00-08:00`. */
  readonly text: string
  readonly from: number
  readonly until: number
}

export interface Placement {
  readonly name: string
  readonly channel: string
  readonly gate: Gate | undefined
  /** Undefined: P is 1. */
  readonly learning: Learning | undefined
  /** Those that count here. */
  readonly experiments: readonly Experiment[]
  /** Instead of P × C × V × L. */
  readonly rank: Formula | undefined
  /** Most propositions of one answer. */
  readonly count: number
  readonly fallback: Value
  readonly limits: readonly Limit[]
  /** How long a token of this placement is good for. */
  readonly tokenMs: number
  /** Whether its content is displayed later, as in an e-mail: then deciding is the exposure. */
  readonly isLater: boolean
  /** What can be shown here: greater priority first, then greater bound, then by name. */
  readonly candidates: readonly Candidate[]
  /** What is made of catalogues for each person. */
  readonly templates: readonly Template[]
  /** Whether anything here may need a grant before it is shown. */
  readonly isStrict: boolean
}

/** An offer in the form that fits a placement. */
export interface Candidate {
  /** What its offer is made of; null for an offer of its own. */
  readonly item: Item | null
  readonly offer: Offer
  readonly treatment: string
  /** Its score is never greater; equal where nothing changes the score. */
  readonly bound: number
  /** Of the offer and its group; what they count may depend on the placement. */
  readonly limits: readonly Limit[]
  /** Undefined where the content refers to something unknown: then it cannot be shown. */
  readonly content: (scope: ContentScope) => Value | undefined
  /** What the content for these languages refers to. */
  readonly contentReads: (locales: readonly string[]) => readonly Read[]
}

export interface ContentScope extends Scope {
  /** Of the visitor, the one that fits best first. */
  readonly locales: readonly string[]
}

export interface Offer {
  readonly name: string
  readonly group: Group | undefined
  /** The time in which it may be shown, from the first instant to before the last; ±∞ where it is open. */
  readonly starts: number
  readonly ends: number
  /** Compared before the score. */
  readonly priority: number
  /** V: what an acceptance is worth. */
  readonly value: number | Formula
  /** L: its group's. */
  readonly weight: number
  /** C is their product, of those that hold. */
  readonly contexts: readonly Context[]
  readonly when: Condition | undefined
  readonly never: Condition | undefined
}

/** Offers that share rules and limits. */
export interface Group {
  readonly name: string
  /** Its place in the playbook. */
  readonly index: number
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
