import type { Value } from '@halfsecond/protocol'
import { compileValue, type Scope } from './compile.ts'
import type { Expression, Measure } from './expression.ts'

/** One thing that a condition looks at, so that `why` can tell the values that were compared. */
export interface Read {
  readonly kind: ReadKind
  /** In the author's words: `traits.tier`, `complaining`, `count("page", "1d")`. */
  readonly text: string
  /** Undefined for unknown. */
  readonly value: (scope: Scope) => Value | undefined
}

export type ReadKind =
  | 'trait'
  | 'fact'
  | 'request'
  | 'arm'
  | 'item'
  | 'count'
  | 'recent'
  | Measure['kind']

/** What a condition looked at, and what it was. */
export interface Finding {
  readonly kind: ReadKind
  readonly text: string
  readonly value: Value | undefined
}

export type ReadExpression = Extract<Expression, { readonly kind: ReadKind }>

export function readOf(text: string, expression: ReadExpression): Read {
  return { kind: expression.kind, text, value: compileValue(expression) }
}

export function find(reads: readonly Read[], scope: Scope): Finding[] {
  return reads.map(({ kind, text, value }) => ({ kind, text, value: value(scope) }))
}
