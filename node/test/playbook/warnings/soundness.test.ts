import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compilePlaybook, readPlaybook } from '../../../src/playbook/compile-playbook.ts'
import { warningsOf } from '../../../src/playbook/warnings/warnings-of.ts'
import { Person } from '../../core/decision/person.ts'

const comparison = fc.constantFrom('==', '!=', '<', '<=', '>', '>=')
const small = fc.integer({ min: 0, max: 3 })
const numbers = fc.constantFrom(
  'traits.age',
  'count("page", "1h")',
  'count("page", "2h")',
  'now.hour - 10',
)
const texts = fc.constantFrom('"gold"', '"silver"')

const atom = fc.oneof(
  fc.tuple(numbers, comparison, small).map((parts) => parts.join(' ')),
  fc.tuple(small, comparison, numbers).map((parts) => parts.join(' ')),
  fc.tuple(fc.constantFrom('==', '!='), texts).map(([is, text]) => `traits.tier ${is} ${text}`),
  fc.constantFrom(
    'traits.tier in ["gold", "silver"]',
    'traits.age in [1, 2]',
    'has(traits.age)',
    'traits.vip',
    'traits.vip == false',
    'channel == "web"',
    'channel == "call"',
    'recent("page", "1h").exists(p, p.ms > 1)',
    'known',
    'true',
  ),
)

/** Known of everybody. */
const knownAtom = fc.oneof(
  fc
    .tuple(fc.constantFrom('count("page", "1h")', 'now.hour'), comparison, small)
    .map((parts) => parts.join(' ')),
  fc.constantFrom('count("page", "1h") >= 0', 'now.hour <= 23'),
)

function rulesOf(atoms: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.letrec<{ rule: string }>((tie) => ({
    rule: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      atoms,
      fc.tuple(tie('rule'), tie('rule')).map(([a, b]) => `(${a} && ${b})`),
      fc.tuple(tie('rule'), tie('rule')).map(([a, b]) => `(${a} || ${b})`),
      tie('rule').map((a) => `!(${a})`),
      fc.tuple(tie('rule'), tie('rule'), tie('rule')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    ),
  })).rule
}

const rule = rulesOf(atom)

/** Everybody who can be told apart by such rules, but for the time of the day. */
const people = [undefined, 1, 2, 3].flatMap((age) =>
  [undefined, 'gold', 'none'].flatMap((tier) =>
    [undefined, true].flatMap((vip) =>
      [0, 1, 2, 4].map((pages) => ({
        pages,
        traits: {
          ...(age !== undefined && { age }),
          ...(tier !== undefined && { tier }),
          ...(vip !== undefined && { vip }),
        },
      })),
    ),
  ),
)

function textOf(when: string, never: string, group: string): string {
  return JSON.stringify({
    playbook: 'shop',
    consent: { personalise: 'assumed' },
    events: { page: { ms: 'int' } },
    traits: {
      age: { type: 'int' },
      tier: { type: 'string' },
      vip: { type: 'bool', default: false },
    },
    facts: { known: 'traits.age > 1 && traits.tier != "none"' },
    groups: { sales: { never: group } },
    placements: {
      hero: { channel: 'web', format: 'banner', fallback: 'none' },
      desk: { channel: 'call', format: 'note', fallback: 'none' },
    },
    offers: { card: { group: 'sales', when, never, treatments: { banner: 'card' } } },
  })
}

function shownTo(text: string): readonly boolean[] {
  const playbook = compilePlaybook(text)
  return people.map(({ traits, pages }) => {
    const person = new Person(playbook)
    if (Object.keys(traits).length > 0) person.fold(person.traits(traits))
    for (let page = 0; page < pages; page++) person.fold(person.event('page', { ms: page }))
    return person.decide(['hero']).some(({ reason }) => reason === 'rules')
  })
}

/** Keeps nobody out. */
const nobody = 'now.hour < 0'

function warned(when: string, never: string, group: string): readonly string[] {
  return warningsOf(readPlaybook(textOf(when, never, group))).map(
    ({ path, message }) => `${path}: ${message}`,
  )
}

it('what is said to be never shown is shown to nobody', () => {
  let told = 0
  fc.assert(
    fc.property(rule, rule, rule, (when, never, group) => {
      if (!warned(when, never, group).some((line) => /never shown|ever shown/.test(line))) return
      told++
      expect(shownTo(textOf(when, never, group))).not.toContain(true)
    }),
    { numRuns: 200 },
  )
  // A law about nothing would prove nothing.
  expect(told).toBeGreaterThan(5)
})

it('what is said to hold always keeps nobody out, and excludes everybody', () => {
  let told = 0
  fc.assert(
    fc.property(rulesOf(knownAtom), (text) => {
      if (!warned(text, nobody, nobody).some((line) => line.includes('when: this always'))) return
      told++
      expect(shownTo(textOf(text, nobody, nobody))).not.toContain(false)
      expect(shownTo(textOf('true', text, nobody))).not.toContain(true)
    }),
    { numRuns: 200 },
  )
  expect(told).toBeGreaterThan(5)
})
