import type { ASTNode } from '@marcbachmann/cel-js'
import type { ConditionType } from '../core/condition/expression.ts'
import { fail } from './condition-error.ts'
import { didYouMean } from './faults.ts'
import type { Typed } from './typed-expression.ts'

/** The variable of a macro: an event with its properties, or an element of a list. */
export interface Local {
  readonly name: string
  readonly properties?: ReadonlyMap<string, ConditionType>
  readonly event?: string
  readonly element?: ConditionType
}

/** The variable by itself. @throws ConditionError */
export function localValue(node: ASTNode, { name, element, event }: Local): Typed {
  if (element) return { type: element, expression: { kind: 'local' } }
  return fail(node, `${name} is a ${event} event: read one of its properties, like ${name}.…`)
}

/** A property of the event that the variable stands for. @throws ConditionError */
export function localProperty(
  node: ASTNode,
  event: string | undefined,
  properties: ReadonlyMap<string, ConditionType>,
  name: string,
): Typed {
  const type = properties.get(name)
  if (type !== undefined) return { type, expression: { kind: 'field', name, type } }
  return fail(
    node,
    `event "${event}" has no property "${name}"${didYouMean(name, properties.keys())}`,
  )
}
