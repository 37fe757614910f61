import type { ASTNode } from '@marcbachmann/cel-js'
import type { ConditionType, Expression } from '../core/condition/expression.ts'
import { fail } from './condition-error.ts'

/** An expression for the core, and what it yields. */
export interface Typed {
  readonly type: ConditionType
  readonly expression: Expression
}

/** Types as messages name them. */
export const typeWords: Record<ConditionType, string> = {
  bool: 'a bool',
  number: 'a number',
  string: 'a string',
  strings: 'a list of strings',
  numbers: 'a list of numbers',
}

/** A constant of a condition's text. */
export function literal(node: ASTNode, value: unknown): Typed {
  if (typeof value === 'string') return { type: 'string', expression: { kind: 'literal', value } }
  if (typeof value === 'boolean') return { type: 'bool', expression: { kind: 'literal', value } }
  if (typeof value === 'number' || typeof value === 'bigint') {
    return { type: 'number', expression: { kind: 'literal', value: Number(value) } }
  }
  return fail(node, 'conditions know text, numbers and bools')
}
