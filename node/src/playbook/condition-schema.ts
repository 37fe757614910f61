import type { ConditionType, Expression } from '../core/condition/expression.ts'
import type { Read } from '../core/condition/read.ts'

/** What conditions may refer to. */
export interface Schema {
  readonly events: ReadonlyMap<string, ReadonlyMap<string, ConditionType>>
  readonly traits: ReadonlyMap<
    string,
    { readonly type: ConditionType; readonly fallback?: string | number | boolean }
  >
  /** Fact → its place in the playbook. */
  readonly facts: ReadonlyMap<string, number>
  /** Experiment → the names of its arms. */
  readonly experiments: ReadonlyMap<string, readonly string[]>
}

/** A well-typed expression, and what it looks at. */
export interface Checked {
  readonly expression: Expression
  /** Facts that it refers to, by their place in the playbook. */
  readonly facts: ReadonlySet<number>
  readonly reads: readonly Read[]
}
