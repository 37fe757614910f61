import type { Value } from '@halfsecond/protocol'
import type { Step } from '../features/sequence.ts'

/** Types of values in conditions. Whole and fractional numbers are one type. */
export type ConditionType = 'bool' | 'number' | 'string' | 'strings' | 'numbers'

export type Arithmetic = '+' | '-' | '*' | '/' | '%'
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>='

/** What formulas of ranks may read of the offer in question. */
export const factorNames = ['propensity', 'context', 'value', 'weight', 'priority'] as const

export type FactorName = (typeof factorNames)[number]

/** A condition after parsing and type checking: what the compiler turns into closures. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  /** A trait of the visitor; `fallback` stands in where it is not set. */
  | {
      readonly kind: 'trait'
      readonly name: string
      readonly type: ConditionType
      readonly fallback?: Value
    }
  /** Another named condition, by its place in the playbook. */
  | { readonly kind: 'fact'; readonly index: number }
  | { readonly kind: 'request'; readonly field: 'channel' | 'placement' }
  /** Name of the visitor's arm of an experiment; unknown where that does not count. */
  | { readonly kind: 'arm'; readonly experiment: string }
  /** A field of the item that an offer is made of. */
  | { readonly kind: 'item'; readonly name: string; readonly type: ConditionType }
  /** What the rank of the offer in question is made of; in formulas only. */
  | { readonly kind: 'factor'; readonly name: FactorName }
  /** The variable of the macro around: an event's properties, or an element of a list. */
  | { readonly kind: 'local' }
  | { readonly kind: 'field'; readonly name: string; readonly type: ConditionType }
  | { readonly kind: 'has'; readonly of: Expression }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'negate'; readonly of: Expression }
  | { readonly kind: 'size'; readonly of: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'compare'
      readonly operator: Comparison
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly kind: 'arithmetic'
      readonly operator: Arithmetic
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly kind: 'in'; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'if'
      readonly condition: Expression
      readonly whenTrue: Expression
      readonly whenFalse: Expression
    }
  | {
      readonly kind: 'text'
      readonly test: 'startsWith' | 'endsWith' | 'contains'
      readonly left: Expression
      readonly right: Expression
    }
  /** Some or all elements of a list. */
  | { readonly kind: 'some' | 'every'; readonly over: Expression; readonly body: Expression }
  /**
   * How often a feature's event happened in the last `windowMs`; not told apart beyond `upTo`, where
   * that is given.
   */
  | {
      readonly kind: 'count'
      readonly feature: number
      readonly windowMs: number
      readonly upTo: number | undefined
    }
  /** Whether a feature's event happened in the last `windowMs`. */
  | { readonly kind: 'recent'; readonly feature: number; readonly windowMs: number }
  | Measure

/** What a feature's sketch, or the moment of the decision, says. */
export type Measure =
  /** Of the numbers of a feature's events in the last `windowMs`. */
  | {
      readonly kind: 'sum' | 'min' | 'max'
      readonly feature: number
      readonly windowMs: number
    }
  /** How many different values; not told apart beyond `upTo`, where that is given. */
  | {
      readonly kind: 'distinct'
      readonly feature: number
      readonly windowMs: number
      readonly upTo: number | undefined
    }
  | { readonly kind: 'affinity' | 'favourite'; readonly feature: number }
  /** Whether all steps were done, one after the other, in the last `windowMs`. */
  | {
      readonly kind: 'sequence'
      readonly feature: number
      readonly windowMs: number
      readonly steps: readonly Step[]
      readonly without: readonly Absence[]
    }
  /** Of the newest event. */
  | { readonly kind: 'current' | 'event-name' | 'latest'; readonly feature: number }
  | {
      readonly kind: 'session-events'
      readonly feature: number
      readonly upTo: number | undefined
    }
  | { readonly kind: 'session-minutes' }
  | {
      readonly kind: 'stage'
      readonly feature: number
      readonly newMs: number
      readonly lapsedMs: number
    }
  | { readonly kind: 'clock'; readonly field: ClockField }

export type ClockField = 'hour' | 'weekday'

/** Events that there must not be: in the last `windowMs`, or without one since the sequence was done. */
export interface Absence {
  readonly feature: number
  readonly windowMs: number | undefined
}
