import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileValue, type Scope } from '../../src/core/condition/compile.ts'
import { FeatureSet } from '../../src/core/features/feature-set.ts'
import { FeatureState } from '../../src/core/features/feature-state.ts'
import { parseCel } from '../../src/playbook/cel.ts'
import { ConditionChecker } from '../../src/playbook/condition-checker.ts'
import { eventFunctions } from '../../src/playbook/event-functions.ts'
import { FeatureRegistry } from '../../src/playbook/feature-registry.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'
import suite from './cel-conformance.json' with { type: 'json' }
import { told } from './faults-of.ts'

const sections = new Map<string, readonly (readonly unknown[])[]>(Object.entries(suite.sections))
const docs = readFileSync(join(import.meta.dirname, '../../../docs/conditions.md'), 'utf8')

/** Numbers are doubles, and what is no finite number is unknown. */
const differing = new Map<string, unknown>([
  ['0.0/0.0 == 0.0/0.0', undefined],
  ['0.0/0.0 != 0.0/0.0', undefined],
  ['15.75 / 0.0', undefined],
  ['2.0 * 8.988466e+307 ', undefined],
  ['2.0 * -8.988466e+307 ', undefined],
  ['47.5 % 5.5', 3.5],
  ['9223372036854775807 + 1', 2 ** 63],
  ['-9223372036854775808 - 1', -(2 ** 63)],
  ['-9223372036854775808 + (-1)', -(2 ** 63)],
  ['1 - (-9223372036854775807)', 2 ** 63],
  ['-(-9223372036854775808)', 2 ** 63],
  ['(-9223372036854775808) * -1', 2 ** 63],
  ['(-9223372036854775808)/-1', 2 ** 63],
  ['5000000000 * 5000000000', 25e18],
  ['(-5000000000) * 5000000000', -25e18],
])

const checker = new ConditionChecker(
  { events: new Map(), traits: new Map(), facts: new Map(), experiments: new Map() },
  new FeatureRegistry(),
)

const scope: Scope = {
  traits: null,
  features: new FeatureState(new FeatureSet([], new Map(), new Map())),
  now: 0,
  calendar: new ZoneCalendar(),
  zone: 'UTC',
  channel: 'web',
  placement: 'hero',
  item: null,
  fact: () => undefined,
  arm: () => undefined,
}

/** Without a sign on zero, which no condition can see. */
function evaluated(expression: string): unknown {
  const value = compileValue(checker.value(parseCel(expression)).expression)(scope)
  return value === 0 ? 0 : value
}

describe('the part of CEL that conditions have', () => {
  test.each([...sections])('evaluates %s as the conformance suite says', (_section, cases) => {
    for (const [expression, value] of cases) {
      const text = String(expression)
      if (!differing.has(text)) expect(evaluated(text), text).toBe(value)
    }
  })

  test('differs from CEL in the numbers that are no double, and in nothing else', () => {
    const all = new Set([...sections.values()].flat().map(([expression]) => expression))

    for (const [expression, value] of differing) {
      expect(all).toContain(expression)
      expect(evaluated(expression), expression).toBe(value)
    }
  })

  test('is what the documentation lists', () => {
    const listed = [...docs.matchAll(/^\| ([a-z_]+: \w+) \| (\d+) \|/gm)].map(
      ([, section = '', count]) => [section.replace(': ', '/'), Number(count)] as const,
    )

    expect(listed).toEqual([...sections].map(([section, cases]) => [section, cases.length]))
    for (const name of eventFunctions) expect(docs).toContain(`\`${name}(`)
  })

  test('may say the examples of the documentation', () => {
    const example = /```yaml\n(facts:[^`]*)```/.exec(docs)?.[1] ?? ''

    expect(example).toContain('sequence(')
    expect(told(example + declarations)).toEqual([])
  })
})

const declarations = `
playbook: docs
events: { product_viewed: { category: string }, cart_added: {}, bought: { price: double } }
placements: { hero: { channel: web, format: banner, fallback: {} } }
`
