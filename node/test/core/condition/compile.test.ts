import type { Value } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compileCondition,
  compileValue,
  type Scope,
  type Truth,
} from '../../../src/core/condition/compile.ts'
import type { Expression } from '../../../src/core/condition/expression.ts'
import { FeatureSet } from '../../../src/core/features/feature-set.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'

const facts: readonly Truth[] = [false, undefined, true]

function scopeOf(traits: { readonly [name: string]: Value | undefined }): Scope {
  const registers = new Map(
    Object.entries(traits).map(([name, value]) => [
      name,
      { value: value === null ? undefined : value, at: 0, id: 'r' },
    ]),
  )
  return {
    traits: registers,
    features: new FeatureState(new FeatureSet([], new Map(), new Map())),
    now: 0,
    calendar: new ZoneCalendar(),
    zone: 'UTC',
    channel: 'web',
    placement: 'hero',
    item: null,
    fact: (index) => facts[index],
    arm: (experiment) => (experiment === 'hero-order' ? 'ours' : undefined),
  }
}

const fact = (index: number): Expression => ({ kind: 'fact', index })

describe('three-valued logic', () => {
  // Rows: left false, unknown, true; columns: right false, unknown, true.
  const tables: { readonly [kind in 'and' | 'or']: readonly (readonly Truth[])[] } = {
    and: [
      [false, false, false],
      [false, undefined, undefined],
      [false, undefined, true],
    ],
    or: [
      [false, undefined, true],
      [undefined, undefined, true],
      [true, true, true],
    ],
  }

  it.each(['and', 'or'] as const)('%s follows the table of Kleene', (kind) => {
    const table = facts.map((_, left) =>
      facts.map((_, right) =>
        compileCondition({ kind, left: fact(left), right: fact(right) })(scopeOf({})),
      ),
    )

    expect(table).toEqual(tables[kind])
  })

  it('the contrary of unknown is unknown', () => {
    const values = facts.map((_, index) =>
      compileCondition({ kind: 'not', of: fact(index) })(scopeOf({})),
    )

    expect(values).toEqual([true, undefined, false])
  })

  it('has tells a missing value from a false one', () => {
    const of: Expression = { kind: 'trait', name: 'vip', type: 'bool' }
    const has = compileCondition({ kind: 'has', of })

    expect(has(scopeOf({}))).toBe(false)
    expect(has(scopeOf({ vip: false }))).toBe(true)
    expect(has(scopeOf({ vip: 'yes' }))).toBe(false)
  })

  it('a list that some elements of are unknown to be', () => {
    const over: Expression = { kind: 'trait', name: 'tags', type: 'strings' }
    const body: Expression = {
      kind: 'if',
      condition: { kind: 'compare', operator: '==', left: { kind: 'local' }, right: text('?') },
      whenTrue: fact(1),
      whenFalse: { kind: 'compare', operator: '==', left: { kind: 'local' }, right: text('yes') },
    }
    const some = compileCondition({ kind: 'some', over, body })
    const every = compileCondition({ kind: 'every', over, body })
    const both = (tags: readonly string[]) => [some(scopeOf({ tags })), every(scopeOf({ tags }))]

    expect(both([])).toEqual([false, true])
    expect(both(['yes', '?'])).toEqual([true, undefined])
    expect(both(['no', '?'])).toEqual([undefined, false])
    expect(both(['?'])).toEqual([undefined, undefined])
    expect(both(['yes', 'yes'])).toEqual([true, true])
    expect([some(scopeOf({})), every(scopeOf({}))]).toEqual([undefined, undefined])
  })

  it('what is no number any more is unknown', () => {
    const divide = compileValue({
      kind: 'arithmetic',
      operator: '/',
      left: number(1),
      right: number(0),
    })

    expect(divide(scopeOf({}))).toBeUndefined()
  })
})

function text(value: string): Expression {
  return { kind: 'literal', value }
}

function number(value: number): Expression {
  return { kind: 'literal', value }
}

/** Evaluates by the book: truth is 0, ½ or 1, and nothing is left out or shared. */
function naive(expression: Expression, traits: { readonly [name: string]: unknown }): unknown {
  const of = (inner: Expression) => naive(inner, traits)
  const truth = (inner: Expression) => {
    const value = of(inner)
    return value === true ? 1 : value === false ? 0 : 0.5
  }
  const told = (value: number) => (value === 1 ? true : value === 0 ? false : undefined)
  switch (expression.kind) {
    case 'literal':
      return expression.value
    case 'trait': {
      const value = traits[expression.name] ?? expression.fallback
      return typeof value === expression.type.replace('bool', 'boolean') ? value : undefined
    }
    case 'fact':
      return facts[expression.index]
    case 'and':
      return told(Math.min(truth(expression.left), truth(expression.right)))
    case 'or':
      return told(Math.max(truth(expression.left), truth(expression.right)))
    case 'not':
      return told(1 - truth(expression.of))
    case 'if': {
      const condition = truth(expression.condition)
      if (condition === 0.5) return undefined
      return of(condition === 1 ? expression.whenTrue : expression.whenFalse)
    }
    case 'compare':
      return compared(expression.operator, of(expression.left), of(expression.right))
    case 'arithmetic':
      return calculated(expression.operator, of(expression.left), of(expression.right))
    case 'in': {
      const { left, right } = expression
      const value = of(left)
      const items = right.kind === 'list' ? right.items.map(of) : [undefined]
      if (value === undefined || items.includes(undefined)) return undefined
      return items.some((item) => item === value)
    }
    case 'text': {
      const left = of(expression.left)
      const right = of(expression.right)
      if (typeof left !== 'string' || typeof right !== 'string') return undefined
      return {
        startsWith: left.slice(0, right.length) === right,
        endsWith: right === '' || left.slice(-right.length) === right,
        contains: left.split(right).length > 1 || right === '',
      }[expression.test]
    }
    case 'size': {
      const value = of(expression.of)
      return typeof value === 'string' ? value.length : undefined
    }
    default:
      throw new TypeError(`the generator makes no ${expression.kind}`)
  }
}

function compared(operator: string, a: unknown, b: unknown): unknown {
  if (a === undefined || b === undefined) return undefined
  const isLess = (x: unknown, y: unknown) =>
    typeof x === 'number' && typeof y === 'number' ? x < y : String(x) < String(y)
  const order = isLess(a, b) ? '<' : isLess(b, a) ? '>' : '=='
  return operator === '!='
    ? order !== '=='
    : operator.includes(order.charAt(0)) && operator !== '!='
}

function calculated(operator: string, a: unknown, b: unknown): unknown {
  if (typeof a === 'string' && typeof b === 'string') return a.concat(b)
  if (typeof a !== 'number' || typeof b !== 'number') return undefined
  const results: { readonly [sign: string]: number } = {
    '+': a + b,
    '-': a - b,
    '*': a * b,
    '/': a / b,
    '%': a % b,
  }
  const result = results[operator] ?? Number.NaN
  return Number.isFinite(result) ? result : undefined
}

const { bools } = fc.letrec<{ bools: Expression; numbers: Expression; texts: Expression }>(
  (tie) => ({
    bools: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.oneof(
        fc.boolean().map((value): Expression => ({ kind: 'literal', value })),
        fc.integer({ min: 0, max: 2 }).map(fact),
        fc.constant<Expression>({ kind: 'trait', name: 'b', type: 'bool' }),
        fc.constant<Expression>({ kind: 'trait', name: 'c', type: 'bool', fallback: true }),
      ),
      fc.record({ kind: fc.constantFrom('and', 'or'), left: tie('bools'), right: tie('bools') }),
      fc.record({ kind: fc.constant('not'), of: tie('bools') }),
      fc.record({
        kind: fc.constant('if'),
        condition: tie('bools'),
        whenTrue: tie('bools'),
        whenFalse: tie('bools'),
      }),
      fc.record({
        kind: fc.constant('compare'),
        operator: fc.constantFrom('==', '!=', '<', '<=', '>', '>='),
        left: tie('numbers'),
        right: tie('numbers'),
      }),
      fc.record({
        kind: fc.constant('compare'),
        operator: fc.constantFrom('==', '!=', '<', '<=', '>', '>='),
        left: tie('texts'),
        right: tie('texts'),
      }),
      fc.record({
        kind: fc.constant('in'),
        left: tie('texts'),
        right: fc.record({
          kind: fc.constant('list'),
          items: fc.array(tie('texts'), { minLength: 1, maxLength: 3 }),
        }),
      }),
      fc.record({
        kind: fc.constant('text'),
        test: fc.constantFrom('startsWith', 'endsWith', 'contains'),
        left: tie('texts'),
        right: tie('texts'),
      }),
    ),
    numbers: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(
        fc.integer({ min: -3, max: 3 }).map(number),
        fc.constant<Expression>({ kind: 'trait', name: 'n', type: 'number' }),
      ),
      fc.record({
        kind: fc.constant('arithmetic'),
        operator: fc.constantFrom('+', '-', '*', '/', '%'),
        left: tie('numbers'),
        right: tie('numbers'),
      }),
      fc.record({ kind: fc.constant('size'), of: tie('texts') }),
    ),
    texts: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(
        fc.constantFrom('', 'a', 'b', 'ab').map(text),
        fc.constant<Expression>({ kind: 'trait', name: 's', type: 'string' }),
      ),
      fc.record({
        kind: fc.constant('arithmetic'),
        operator: fc.constant('+'),
        left: tie('texts'),
        right: tie('texts'),
      }),
    ),
  }),
)

const values = fc.option(fc.constantFrom('a', 'ab', 0, 2, true, false), { nil: undefined })

describe('a compiled condition', () => {
  it('is what an interpreter by the book says, whatever is missing or of another type', () => {
    fc.assert(
      fc.property(
        bools,
        fc.record({ b: values, c: values, n: values, s: values }),
        (rule, traits) => {
          expect(compileCondition(rule)(scopeOf(traits))).toBe(naive(rule, traits))
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('that admits without knowing something goes on to admit whatever that is', () => {
    const known = fc.record({ b: fc.boolean(), c: fc.boolean(), n: fc.integer(), s: fc.string() })
    fc.assert(
      fc.property(bools, known, fc.subarray(['b', 'n', 's']), (rule, traits, forgotten) => {
        const fewer = Object.fromEntries(
          Object.entries(traits).filter(([name]) => !forgotten.includes(name)),
        )
        const before = compileCondition(rule)(scopeOf(fewer))
        if (before === undefined) return
        expect(compileCondition(rule)(scopeOf(traits))).toBe(before)
      }),
      { numRuns: 3_000 },
    )
  })
})
