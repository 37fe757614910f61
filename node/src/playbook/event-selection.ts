import type { EventRecord } from '@halfsecond/protocol'
import type { ASTNode } from '@marcbachmann/cel-js'
import type { ConditionType } from '../core/condition/expression.ts'
import { parseDuration } from '../core/duration.ts'
import { fail } from './condition-error.ts'
import { didYouMean } from './faults.ts'
import type { Predicate } from './feature-registry.ts'
import { typeWords } from './typed-expression.ts'

type Properties = ReadonlyMap<string, ConditionType>
export type Events = ReadonlyMap<string, Properties>

/** Checks a condition on one event, whose variable is named first. */
export type CheckPredicate = (event: string, variable: ASTNode, body: ASTNode) => Predicate

/** Events that a function looks at: all of a name, or those for which a condition holds. */
export interface Selected {
  readonly event: string
  readonly predicate: Predicate | undefined
  readonly text: string
}

/** A property that functions read. */
export interface Property {
  readonly name: string
  readonly type: 'string' | 'number'
}

/** Reads the arguments that say which events a function looks at. */
export class EventSelection {
  readonly events: Events
  private readonly checkPredicate: CheckPredicate

  constructor(events: Events, checkPredicate: CheckPredicate) {
    this.events = events
    this.checkPredicate = checkPredicate
  }

  /** @param condition nothing, or the variable and the body of a condition */
  selected(
    node: ASTNode,
    event: ASTNode | undefined,
    condition: readonly (ASTNode | undefined)[],
  ): Selected {
    if (!isText(event))
      return fail(event ?? node, 'the first argument is the name of an event, in quotes')
    const name = event.args
    if (!this.events.has(name))
      fail(event, `no event "${name}"${didYouMean(name, this.events.keys())}`)
    const [variable, body, ...more] = condition
    if (variable === undefined)
      return { event: name, predicate: undefined, text: JSON.stringify([name]) }
    if (body === undefined || more.length > 0 || variable.op !== 'id')
      return fail(variable, 'what can follow here is v, condition: events for which it holds')
    const predicate = this.checkPredicate(name, variable, body)
    return { event: name, predicate, text: JSON.stringify([name, predicate.text]) }
  }

  /** @param rule what is said where the property has another type */
  property(
    node: ASTNode,
    { event }: Selected,
    field: ASTNode | undefined,
    types: readonly Property['type'][],
    rule: string,
  ): Property {
    const properties: Properties = this.events.get(event) ?? new Map()
    if (!isText(field))
      return fail(field ?? node, `the second argument is a property of "${event}", in quotes`)
    const name = field.args
    const type = properties.get(name)
    if (type === undefined)
      return fail(
        field,
        `event "${event}" has no property "${name}"${didYouMean(name, properties.keys())}`,
      )
    const fitting = types.find((one) => one === type)
    return fitting === undefined
      ? fail(field, `${rule}; ${name} is ${typeWords[type]}`)
      : { name, type: fitting }
  }
}

export type Text = ASTNode & { readonly op: 'value'; readonly args: string }

export function isText(node: ASTNode | undefined): node is Text {
  return node?.op === 'value' && typeof node.args === 'string'
}

export function isNumber(node: ASTNode | undefined): boolean {
  return node?.op === 'value' && (typeof node.args === 'number' || typeof node.args === 'bigint')
}

export function windowOf(
  node: ASTNode,
  window: ASTNode | undefined,
  place: string,
  what = 'window',
): number {
  const ms = isText(window) ? parseDuration(window.args) : undefined
  return ms ?? fail(window ?? node, `the ${place} argument is a ${what} like "30m" or "14d"`)
}

/** Whether it is an event of this name; what a condition does not know of it does not hold. */
export function isOne(
  record: EventRecord,
  event: string,
  predicate: Predicate | undefined,
): boolean {
  return (
    record.name === event &&
    (predicate === undefined || predicate.matches(record.properties) === true)
  )
}

/** The property of an event, or undefined where it is not there or not of its declared type. */
export function readProperty(
  { properties }: EventRecord,
  { name, type }: Property,
): string | number | undefined {
  const value = Object.hasOwn(properties, name) ? properties[name] : undefined
  return typeof value === type && (typeof value === 'string' || typeof value === 'number')
    ? value
    : undefined
}
