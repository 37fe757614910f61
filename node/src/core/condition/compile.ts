import type { Properties, Value } from '@halfsecond/protocol'
import type { Item } from '../catalogue/catalogue.ts'
import type { Calendar } from '../decision/calendar.ts'
import type { FeatureState } from '../features/feature-state.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import type { Arithmetic, Comparison, ConditionType, Expression, FactorName } from './expression.ts'
import { exactCount, measure } from './measure.ts'

/** True, false, or undefined for unknown: a fact that is missing, not one that is false. */
export type Truth = boolean | undefined

/** All that a condition may read. */
export interface Scope {
  readonly traits: Registers<TraitValue> | null
  readonly features: FeatureState
  readonly now: number
  readonly channel: string
  readonly placement: string
  readonly calendar: Calendar
  /** The visitor's time zone. */
  readonly zone: string
  /** What is asked about, where offers are made of the items of a catalogue. */
  readonly item: Item | null
  /** Of the offer that is ranked; undefined where none is. */
  readonly factors?: { readonly [name in FactorName]: number }
  fact(index: number): Truth
  /** The visitor's arm of an experiment; undefined where it does not count, at this placement or now. */
  arm(experiment: string): string | undefined
}

/** A value, or undefined for unknown. */
type Result = Value | undefined
type Evaluator = (scope: Scope, local: Result) => Result

/** Compiles a condition to closures in Kleene's three-valued logic. */
export function compileCondition(expression: Expression): (scope: Scope) => Truth {
  const evaluate = compile(expression)
  return (scope) => truthOf(evaluate(scope, undefined))
}

/** Compiles an expression for use inside text: unknown stays undefined. */
export function compileValue(expression: Expression): (scope: Scope) => Result {
  const evaluate = compile(expression)
  return (scope) => evaluate(scope, undefined)
}

/** Compiles the predicate of a feature: it reads one event's properties and constants. */
export function compilePredicate(expression: Expression): (properties: Properties) => Truth {
  const evaluate = compile(expression)
  return (properties) => truthOf(evaluate(noScope, properties))
}

/** Compiles what is known of an item alone: it reads the item's fields and constants. */
export function compileItemValue(expression: Expression): (item: Item) => Result {
  const evaluate = compile(expression)
  return (item) => evaluate(scopeWithout(item), undefined)
}

/** What is seen of a visitor where nothing may be. The checker refuses what would look. */
function scopeWithout(item: Item | null): Scope {
  return {
    traits: null,
    get features(): FeatureState {
      throw new TypeError('no visitor is known here')
    },
    get calendar(): Calendar {
      throw new TypeError('no visitor is known here')
    },
    now: 0,
    zone: '',
    channel: '',
    placement: '',
    item,
    fact: () => undefined,
    arm: () => undefined,
  }
}

const noScope = scopeWithout(null)

function truthOf(result: Result): Truth {
  return typeof result === 'boolean' ? result : undefined
}

function compile(expression: Expression): Evaluator {
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression
      return () => value
    }
    case 'list': {
      const items = expression.items.map(compile)
      if (expression.items.every(({ kind }) => kind === 'literal')) {
        const constant = listOf(items, noScope, undefined)
        return () => constant
      }
      return (scope, local) => listOf(items, scope, local)
    }
    case 'trait': {
      const { name, type, fallback } = expression
      return (scope) => {
        const value = scope.traits?.get(name)?.value ?? fallback
        return isOfType(value, type) ? value : undefined
      }
    }
    case 'fact': {
      const { index } = expression
      return (scope) => scope.fact(index)
    }
    case 'request': {
      const { field } = expression
      return (scope) => scope[field]
    }
    case 'arm': {
      const { experiment } = expression
      return (scope) => scope.arm(experiment)
    }
    case 'item': {
      const { name, type } = expression
      return ({ item }) => {
        const value = item?.values[name]
        return isOfType(value, type) ? value : undefined
      }
    }
    case 'factor': {
      const { name } = expression
      return (scope) => scope.factors?.[name]
    }
    case 'local':
      return (_scope, local) => local
    case 'field': {
      const { name, type } = expression
      return (_scope, local) => {
        const value = isMap(local) && Object.hasOwn(local, name) ? local[name] : undefined
        return isOfType(value, type) ? value : undefined
      }
    }
    case 'has': {
      const of = compile(expression.of)
      return (scope, local) => of(scope, local) !== undefined
    }
    case 'not': {
      const of = compile(expression.of)
      return (scope, local) => {
        const value = of(scope, local)
        return typeof value === 'boolean' ? !value : undefined
      }
    }
    case 'negate': {
      const of = compile(expression.of)
      return (scope, local) => {
        const value = of(scope, local)
        return typeof value === 'number' ? -value : undefined
      }
    }
    case 'size': {
      const of = compile(expression.of)
      return (scope, local) => {
        const value = of(scope, local)
        return typeof value === 'string' || Array.isArray(value) ? value.length : undefined
      }
    }
    case 'and':
      return compileAnd(compile(expression.left), compile(expression.right))
    case 'or':
      return compileOr(compile(expression.left), compile(expression.right))
    case 'compare':
      return compileComparison(
        expression.operator,
        compile(expression.left),
        compile(expression.right),
      )
    case 'arithmetic':
      return compileArithmetic(
        expression.operator,
        compile(expression.left),
        compile(expression.right),
      )
    case 'in': {
      const left = compile(expression.left)
      const right = compile(expression.right)
      return (scope, local) => {
        const value = left(scope, local)
        const list = right(scope, local)
        return value === undefined || !Array.isArray(list) ? undefined : list.includes(value)
      }
    }
    case 'if': {
      const condition = compile(expression.condition)
      const whenTrue = compile(expression.whenTrue)
      const whenFalse = compile(expression.whenFalse)
      return (scope, local) => {
        const truth = condition(scope, local)
        if (typeof truth !== 'boolean') return undefined
        return truth ? whenTrue(scope, local) : whenFalse(scope, local)
      }
    }
    case 'text':
      return compileText(expression.test, compile(expression.left), compile(expression.right))
    case 'some':
    case 'every':
      return compileMacro(expression.kind, compile(expression.over), compile(expression.body))
    case 'count': {
      const { feature, windowMs, upTo } = expression
      return ({ features, now }) => exactCount(features, feature, now - windowMs, upTo)
    }
    case 'recent': {
      const { feature, windowMs } = expression
      return (scope) => scope.features.some(feature, scope.now - windowMs)
    }
    default:
      return (scope) => measure(expression, scope)
  }
}

function listOf(items: readonly Evaluator[], scope: Scope, local: Result): Result {
  const values: Value[] = []
  for (const item of items) {
    const value = item(scope, local)
    if (value === undefined) return undefined
    values.push(value)
  }
  return values
}

/** False if either side is false, even where the other is unknown. */
function compileAnd(left: Evaluator, right: Evaluator): Evaluator {
  return (scope, local) => {
    const first = left(scope, local)
    if (first === false) return false
    const second = right(scope, local)
    if (second === false) return false
    return first === true && second === true ? true : undefined
  }
}

/** True if either side is true, even where the other is unknown. */
function compileOr(left: Evaluator, right: Evaluator): Evaluator {
  return (scope, local) => {
    const first = left(scope, local)
    if (first === true) return true
    const second = right(scope, local)
    if (second === true) return true
    return first === false && second === false ? false : undefined
  }
}

function compileComparison(operator: Comparison, left: Evaluator, right: Evaluator): Evaluator {
  return (scope, local) => {
    const a = left(scope, local)
    const b = right(scope, local)
    if (a === undefined || b === undefined || typeof a !== typeof b) return undefined
    if (operator === '==') return a === b
    if (operator === '!=') return a !== b
    if (typeof a === 'number' && typeof b === 'number') return isOrdered(operator, a - b)
    if (typeof a === 'string' && typeof b === 'string')
      return isOrdered(operator, a < b ? -1 : a > b ? 1 : 0)
    return undefined
  }
}

function isOrdered(operator: '<' | '<=' | '>' | '>=', difference: number): boolean {
  switch (operator) {
    case '<':
      return difference < 0
    case '<=':
      return difference <= 0
    case '>':
      return difference > 0
    case '>=':
      return difference >= 0
  }
}

function compileArithmetic(operator: Arithmetic, left: Evaluator, right: Evaluator): Evaluator {
  return (scope, local) => {
    const a = left(scope, local)
    const b = right(scope, local)
    if (operator === '+' && typeof a === 'string' && typeof b === 'string') return a + b
    if (typeof a !== 'number' || typeof b !== 'number') return undefined
    const result = calculate(operator, a, b)
    return Number.isFinite(result) ? result : undefined
  }
}

function calculate(operator: Arithmetic, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '%':
      return a % b
  }
}

function compileText(
  test: 'startsWith' | 'endsWith' | 'contains',
  left: Evaluator,
  right: Evaluator,
): Evaluator {
  return (scope, local) => {
    const text = left(scope, local)
    const part = right(scope, local)
    if (typeof text !== 'string' || typeof part !== 'string') return undefined
    if (test === 'startsWith') return text.startsWith(part)
    return test === 'endsWith' ? text.endsWith(part) : text.includes(part)
  }
}

/** Like a chain of `or` (some) or `and` (every) over the elements. */
function compileMacro(kind: 'some' | 'every', over: Evaluator, body: Evaluator): Evaluator {
  const decisive = kind === 'some'
  return (scope, local) => {
    const list = over(scope, local)
    if (!Array.isArray(list)) return undefined
    let isKnown = true
    for (const element of list) {
      const truth = body(scope, element)
      if (truth === decisive) return decisive
      if (typeof truth !== 'boolean') isKnown = false
    }
    return isKnown ? !decisive : undefined
  }
}

function isMap(value: Result): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a condition that was checked for this type can read the value. */
export function isOfType(value: unknown, type: ConditionType): value is Value {
  switch (type) {
    case 'bool':
      return typeof value === 'boolean'
    case 'number':
      return typeof value === 'number'
    case 'string':
      return typeof value === 'string'
    case 'strings':
      return Array.isArray(value) && value.every((one) => typeof one === 'string')
    case 'numbers':
      return Array.isArray(value) && value.every((one) => typeof one === 'number')
  }
}
