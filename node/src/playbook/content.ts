import type { Value } from '@halfsecond/protocol'
import { compileValue, type Scope } from '../core/condition/compile.ts'
import type { Expression } from '../core/condition/expression.ts'
import { ConditionError } from './condition-error.ts'

/** Compiles one expression found in content; throws ConditionError. */
export type CompileExpression = (text: string) => Expression

type Content = (scope: Scope) => Value | undefined

/**
 * Compiles content whose texts may hold `${cel}`. The result is undefined where any expression is
 * unknown: then the treatment is not shown, instead of a text with a hole.
 * @throws ConditionError with the place in the text that `onText` was told last
 */
export function compileContent(
  content: Value,
  compile: CompileExpression,
  onText: (path: readonly (string | number)[]) => void,
): Content {
  return compilePart(content, compile, onText, [])
}

function compilePart(
  part: Value,
  compile: CompileExpression,
  onText: (path: readonly (string | number)[]) => void,
  path: readonly (string | number)[],
): Content {
  if (typeof part === 'string') {
    onText(path)
    return compileText(part, compile)
  }
  if (typeof part !== 'object' || part === null || isConstant(part)) return () => part
  if (isList(part)) {
    const items = part.map((item, index) => compilePart(item, compile, onText, [...path, index]))
    return (scope) => evaluateList(items, scope)
  }
  const members = Object.entries(part).map(
    ([name, value]) => [name, compilePart(value, compile, onText, [...path, name])] as const,
  )
  return (scope) => {
    const result: { [name: string]: Value } = {}
    for (const [name, member] of members) {
      const value = member(scope)
      if (value === undefined) return undefined
      result[name] = value
    }
    return result
  }
}

function evaluateList(items: readonly Content[], scope: Scope): Value | undefined {
  const result: Value[] = []
  for (const item of items) {
    const value = item(scope)
    if (value === undefined) return undefined
    result.push(value)
  }
  return result
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

function isConstant(part: object): boolean {
  return Object.values(part).every((value: unknown) =>
    typeof value === 'string'
      ? !value.includes('${')
      : typeof value !== 'object' || value === null || isConstant(value),
  )
}

function compileText(text: string, compile: CompileExpression): Content {
  const parts: (string | ((scope: Scope) => Value | undefined))[] = []
  let at = 0
  for (let open = text.indexOf('${'); open >= 0; open = text.indexOf('${', at)) {
    const close = closingBrace(text, open + 2)
    if (close < 0)
      throw new ConditionError('an expression begins here, but no } ends it', open, open + 2)
    if (open > at) parts.push(text.slice(at, open))
    parts.push(compileValue(compileInside(text, open + 2, close, compile)))
    at = close + 1
  }
  if (parts.length === 0) return () => text
  if (at < text.length) parts.push(text.slice(at))
  return (scope) => {
    let result = ''
    for (const part of parts) {
      const value = typeof part === 'string' ? part : part(scope)
      if (value === undefined) return undefined
      result += String(value)
    }
    return result
  }
}

function compileInside(
  text: string,
  start: number,
  end: number,
  compile: CompileExpression,
): Expression {
  try {
    return compile(text.slice(start, end))
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error
    throw new ConditionError(error.message, start + error.start, start + error.end)
  }
}

/** The brace that ends an expression: one inside quotes does not. */
function closingBrace(text: string, start: number): number {
  let quote = ''
  for (let i = start; i < text.length; i++) {
    const char = text.charAt(i)
    if (quote !== '') {
      if (char === quote) quote = ''
    } else if (char === '"' || char === "'") quote = char
    else if (char === '}') return i
  }
  return -1
}
