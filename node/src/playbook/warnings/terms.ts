import { isDeepStrictEqual } from 'node:util'
import type { Comparison, Expression } from '../../core/condition/expression.ts'
import { mirrored } from '../comparison.ts'

/*
 * What a condition demands, as alternatives of demands that hold together: enough to see that one
 * can never hold. Whatever is not understood is a demand of its own that may hold or not, so a
 * condition is never called impossible by mistake.
 */

/** Something that is compared or tested, and what is demanded of it. */
export interface Demand {
  readonly of: Expression
  readonly is: Allowed
}

/** What a subject may be. Of texts: among these, or none of these. */
export type Allowed =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'texts'; readonly among: boolean; readonly texts: readonly string[] }
  | { readonly kind: 'numbers'; readonly among: readonly number[] }
  | { readonly kind: 'number'; readonly operator: Comparison; readonly to: number }

/** Demands that hold together. */
export type Term = readonly Demand[]

/** A condition with more alternatives than this is left alone. */
const termsMax = 256

/** Facts refer to each other at most so deep; deeper ones are left alone. */
const depthMax = 16

/**
 * The alternatives of a condition; undefined where there are too many.
 * @param isTrue whether it is to hold, or is to be false
 * @param factOf what a fact says, by its place
 */
export function termsOf(
  expression: Expression,
  isTrue: boolean,
  factOf: (index: number) => Expression | undefined,
  depth = 0,
): readonly Term[] | undefined {
  const inner = (one: Expression, is: boolean) => termsOf(one, is, factOf, depth)
  switch (expression.kind) {
    case 'literal':
      return expression.value === isTrue ? [[]] : []
    case 'not':
      return inner(expression.of, !isTrue)
    case 'and':
    case 'or': {
      const left = inner(expression.left, isTrue)
      const right = inner(expression.right, isTrue)
      return (expression.kind === 'and') === isTrue ? both(left, right) : either(left, right)
    }
    case 'if': {
      const { condition, whenTrue, whenFalse } = expression
      return either(
        both(inner(condition, true), inner(whenTrue, isTrue)),
        both(inner(condition, false), inner(whenFalse, isTrue)),
      )
    }
    case 'fact': {
      const fact = depth < depthMax ? factOf(expression.index) : undefined
      return fact ? termsOf(fact, isTrue, factOf, depth + 1) : [[whole(expression, isTrue)]]
    }
    case 'compare':
      return compared(expression, isTrue, inner)
    case 'in':
      return [[listed(expression, isTrue) ?? whole(expression, isTrue)]]
    default:
      return [[whole(expression, isTrue)]]
  }
}

/** Alternatives of two conditions that hold together. */
export function both(
  left: readonly Term[] | undefined,
  right: readonly Term[] | undefined,
): readonly Term[] | undefined {
  if (left?.length === 0 || right?.length === 0) return []
  if (left === undefined || right === undefined) return undefined
  if (left.length * right.length > termsMax) return undefined
  return left.flatMap((one) => right.map((other) => [...one, ...other]))
}

function either(
  left: readonly Term[] | undefined,
  right: readonly Term[] | undefined,
): readonly Term[] | undefined {
  if (left === undefined || right === undefined || left.length + right.length > termsMax)
    return undefined
  return [...left, ...right]
}

function whole(of: Expression, value: boolean): Demand {
  return { of, is: { kind: 'bool', value } }
}

type Compare = Extract<Expression, { readonly kind: 'compare' }>

function compared(
  expression: Compare,
  isTrue: boolean,
  inner: (one: Expression, is: boolean) => readonly Term[] | undefined,
): readonly Term[] | undefined {
  const operator = isTrue ? expression.operator : opposite[expression.operator]
  const { left, right } = expression
  if (right.kind === 'literal' && left.kind === 'literal')
    return holds(left.value, operator, right.value) ? [[]] : []
  if (right.kind === 'literal') return constant(left, operator, right.value, inner)
  if (left.kind === 'literal') return constant(right, mirrored[operator], left.value, inner)
  if (isDeepStrictEqual(left, right)) return reflexive.has(operator) ? [[]] : []
  return [[whole(expression, isTrue)]]
}

function constant(
  of: Expression,
  operator: Comparison,
  value: string | number | boolean,
  inner: (one: Expression, is: boolean) => readonly Term[] | undefined,
): readonly Term[] | undefined {
  if (typeof value === 'boolean') return inner(of, (operator === '==') === value)
  if (typeof value === 'number') return [[{ of, is: { kind: 'number', operator, to: value } }]]
  if (operator !== '==' && operator !== '!=')
    return [
      [whole({ kind: 'compare', operator, left: of, right: { kind: 'literal', value } }, true)],
    ]
  return [[{ of, is: { kind: 'texts', among: operator === '==', texts: [value] } }]]
}

function listed(
  { left, right }: Extract<Expression, { readonly kind: 'in' }>,
  isTrue: boolean,
): Demand | undefined {
  if (right.kind !== 'list') return undefined
  const values = right.items.map((item) => (item.kind === 'literal' ? item.value : undefined))
  if (values.every((one) => typeof one === 'string'))
    return { of: left, is: { kind: 'texts', among: isTrue, texts: values } }
  if (isTrue && values.every((one) => typeof one === 'number'))
    return { of: left, is: { kind: 'numbers', among: values } }
  return undefined
}

const opposite: { readonly [operator in Comparison]: Comparison } = {
  '==': '!=',
  '!=': '==',
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
}

/** Those that hold between a thing and itself. */
const reflexive: ReadonlySet<Comparison> = new Set(['==', '<=', '>='])

export function holds<T extends string | number | boolean>(
  left: T,
  operator: Comparison,
  right: T,
): boolean {
  switch (operator) {
    case '==':
      return left === right
    case '!=':
      return left !== right
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
  }
}
