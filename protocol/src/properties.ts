import { bounds } from './bounds.ts'
import type { Properties } from './records.ts'
import { isLonger, isPrintable, isWellFormed, printable } from './text.ts'

export type Fields = { readonly [name: string]: unknown }

/** A plain map: what JSON.parse and our decoder make, nothing with a class. */
export function isFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Names and values that the record under way may still hold; a check is synchronous. */
let left = 0

/** Begins another record. */
export function startBudget(): void {
  left = bounds.valuesPerRecord
}

/**
 * Why these are not properties or traits, or undefined. What passes, passes the guard once it is
 * encoded: a record that is faulty only on the wire would cost its neighbours in the batch.
 */
export function propertiesFault(field: string, value: unknown): string | undefined {
  startBudget()
  return membersFault(field, value)
}

/** As `propertiesFault`, within what is left of the record's budget. */
export function membersFault(field: string, value: unknown): string | undefined {
  if (!isFields(value)) return `${field} is a map`
  let keys = 0
  for (const name in value) {
    const fault =
      keysFault(++keys) ?? propertyNameFault(name) ?? valueFault(value[name], 1) ?? budgetFault()
    if (fault !== undefined) return `${field}.${printable(name)}: ${fault}`
  }
  return undefined
}

export function isProperties(value: unknown): value is Properties {
  return propertiesFault('properties', value) === undefined
}

/** Why a record may not have this field besides those of its kind, or undefined. */
export function otherFault(name: string, value: unknown): string | undefined {
  left--
  const fault = propertyNameFault(name) ?? valueFault(value, 0) ?? budgetFault()
  return fault === undefined ? undefined : `${printable(name)}: ${fault}`
}

function budgetFault(): string | undefined {
  return left >= 0 ? undefined : `at most ${bounds.valuesPerRecord} names and values together`
}

function keysFault(keys: number): string | undefined {
  left--
  return keys <= bounds.keysPerMap ? undefined : `at most ${bounds.keysPerMap} names in one map`
}

function propertyNameFault(name: string): string | undefined {
  if (name.length === 0 || isLonger(name, bounds.nameBytes))
    return `names have 1 to ${bounds.nameBytes} bytes`
  if (!isPrintable(name)) return 'names are printable text'
  if (name === 'constructor' || name === 'prototype' || name === '__proto__')
    return 'this name is not allowed'
  return undefined
}

function valueFault(value: unknown, depth: number): string | undefined {
  left--
  switch (typeof value) {
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : 'a number must be finite'
    case 'string':
      if (isLonger(value, bounds.stringBytes)) return `text of at most ${bounds.stringBytes} bytes`
      return isWellFormed(value) ? undefined : 'text must be well-formed Unicode'
    case 'object':
      return value === null ? undefined : nestedFault(value, depth)
    default:
      return 'only text, numbers, booleans, null, lists and maps'
  }
}

function nestedFault(value: object, depth: number): string | undefined {
  if (depth >= 4) return 'nested deeper than four levels'
  if (Array.isArray(value)) {
    if (value.length > bounds.listElements)
      return `a list of at most ${bounds.listElements} elements`
    for (const element of value) {
      const fault = valueFault(element, depth + 1)
      if (fault !== undefined) return fault
    }
    return undefined
  }
  if (!isFields(value)) return 'only text, numbers, booleans, null, lists and maps'
  let keys = 0
  for (const name in value) {
    const fault = keysFault(++keys) ?? propertyNameFault(name) ?? valueFault(value[name], depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}
