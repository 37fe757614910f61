import type { ConditionType } from '../core/condition/expression.ts'
import type { ReadExpression } from '../core/condition/read.ts'

/** What a function yields, and about how many nodes' worth it takes to evaluate. */
export interface Measured {
  readonly type: ConditionType
  readonly expression: ReadExpression
  readonly units: number
}

/** @param perUnit kept entries that are looked at in the time of one node */
export function unitsOf(capacity: number, perUnit: number): number {
  return 1 + Math.ceil(capacity / perUnit)
}
