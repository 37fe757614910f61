import type { ASTNode } from '@marcbachmann/cel-js'
import type { Match } from '../core/catalogue/selection.ts'
import { compileValue } from '../core/condition/compile.ts'
import type { ConditionType } from '../core/condition/expression.ts'
import type { Read } from '../core/condition/read.ts'
import type { ConditionChecker } from './condition-checker.ts'
import { fail } from './condition-error.ts'
import { typeWords } from './typed-expression.ts'

/** A `match`, and what of the person it looks at. */
export interface CheckedMatch {
  readonly matches: readonly Match[]
  readonly reads: readonly Read[]
}

const form =
  'a match compares a field of the item: item.FIELD == …, item.FIELD in …, or … in item.FIELD'

/**
 * Checks what finds the items of a catalogue: comparisons joined by `&&`, each of a field of the
 * item with what is known of the person. Nothing else can be looked up in an index.
 * @throws ConditionError
 */
export function checkMatch(node: ASTNode, checker: ConditionChecker): CheckedMatch {
  const reads: Read[] = []
  const matches = conjuncts(node).map((one) => {
    const { field, type, value } = sidesOf(one, checker)
    const checked = checker.typed(value)
    if (checked.type !== type)
      fail(value, `this is ${typeWords[checked.type]}; ${typeWords[type]} is needed here`)
    reads.push(...checked.reads)
    return { field, value: compileValue(checked.expression) }
  })
  return { matches, reads }
}

function conjuncts(node: ASTNode): ASTNode[] {
  return node.op === '&&' ? [...conjuncts(node.args[0]), ...conjuncts(node.args[1])] : [node]
}

interface Sides {
  readonly field: string
  /** What the other side has to be. */
  readonly type: ConditionType
  readonly value: ASTNode
}

function sidesOf(node: ASTNode, checker: ConditionChecker): Sides {
  if (node.op !== '==' && node.op !== 'in') return fail(node, form)
  const [left, right] = node.args
  const ofLeft = fieldIn(left)
  const ofRight = fieldIn(right)
  if (node.op === '==') {
    const field = ofLeft ?? ofRight
    if (field === undefined) return fail(node, form)
    const type = checker.item.typeOf(ofLeft === undefined ? right : left, field)
    if (type === 'strings' || type === 'numbers')
      return fail(node, `item.${field} is ${typeWords[type]}: write … in item.${field}`)
    return { field, type, value: ofLeft === undefined ? left : right }
  }
  if (ofLeft !== undefined) {
    if (checker.item.typeOf(left, ofLeft) !== 'string')
      return fail(left, `item.${ofLeft} in … is for text`)
    return { field: ofLeft, type: 'strings', value: right }
  }
  if (ofRight === undefined) return fail(node, form)
  if (checker.item.typeOf(right, ofRight) !== 'strings')
    return fail(right, `… in item.${ofRight} is for lists of text`)
  return { field: ofRight, type: 'string', value: left }
}

/** `category` of `item.category`. */
function fieldIn(node: ASTNode): string | undefined {
  if (node.op !== '.') return undefined
  const [of, name] = node.args
  return of.op === 'id' && of.args === 'item' ? name : undefined
}
