import type { ASTNode } from '@marcbachmann/cel-js'
import type { Comparison } from '../core/condition/expression.ts'
import { stages } from '../core/condition/measure.ts'
import { fail } from './condition-error.ts'
import type { Schema } from './condition-schema.ts'
import { didYouMean } from './faults.ts'
import { type Typed, typeWords } from './typed-expression.ts'

/** What a number is compared to. */
export interface Needed {
  readonly count: number
  readonly constant: ASTNode
}

/** The comparison with its sides exchanged. */
export const mirrored: Record<Comparison, Comparison> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

/** How many must be told apart to compare to a constant number; undefined where it is none. */
export function neededFor(operator: Comparison, constant: ASTNode): Needed | undefined {
  if (constant.op !== 'value' || typeof constant.args === 'string') return undefined
  const value = Number(constant.args)
  if (!Number.isFinite(value)) return undefined
  const needed = operator === '>=' || operator === '<' ? Math.ceil(value) : Math.floor(value) + 1
  return { count: Math.max(1, needed), constant }
}

type Side = readonly [Typed, ASTNode]

/** @throws ConditionError unless the two can be compared, and may be what they are compared to */
export function checkComparison(
  operator: Comparison,
  [left, leftNode]: Side,
  [right, rightNode]: Side,
  schema: Schema,
): void {
  if (left.type !== right.type)
    fail(
      rightNode,
      `this is ${typeWords[right.type]}, but it is compared to ${typeWords[left.type]}`,
    )
  if (left.type === 'strings' || left.type === 'numbers')
    fail(leftNode, 'lists are not compared: use in, exists or all')
  if (left.type === 'bool' && operator !== '==' && operator !== '!=')
    fail(leftNode, 'bools have no order')
  checkName(left, rightNode, schema)
  checkName(right, leftNode, schema)
}

/** What has one of a few names is compared to one of these, or it would never hold. */
function checkName({ expression }: Typed, other: ASTNode, { events, experiments }: Schema): void {
  const { kind } = expression
  if (other.op !== 'value' || typeof other.args !== 'string') return
  if (kind === 'event-name' && !events.has(other.args))
    fail(other, `no event "${other.args}"${didYouMean(other.args, events.keys())}`)
  if (kind === 'stage' && !stages.some((stage) => stage === other.args))
    fail(other, `a stage is one of ${stages.join(', ')}`)
  if (expression.kind === 'arm') checkArm(other, expression.experiment, other.args, experiments)
}

function checkArm(
  node: ASTNode,
  experiment: string,
  arm: string,
  experiments: Schema['experiments'],
): void {
  const arms = experiments.get(experiment) ?? []
  if (arms.includes(arm)) return
  const hint = didYouMean(arm, arms) || `; there are ${arms.join(', ')}`
  fail(node, `experiment "${experiment}" has no arm "${arm}"${hint}`)
}
