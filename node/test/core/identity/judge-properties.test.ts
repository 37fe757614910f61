import {
  builtInNamespaces,
  compareFragmentIds,
  compareUtf8,
  type FragmentId,
  fragmentIdOf,
  identifierIn,
  identifierOf,
  namespaceOf,
} from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type JudgedLink, judge } from '../../../src/core/identity/judge.ts'
import {
  builtInRules,
  type IdentityRules,
  looseRule,
  type NamespaceRule,
} from '../../../src/core/identity/rules.ts'

const names = ['user', 'crm', 'email', 'anon', 'push']
const ids: readonly FragmentId[] = names.flatMap((namespace) =>
  ['a', 'b', 'c', 'd'].flatMap((value) => {
    const identifier = identifierOf(namespace, value)
    return namespace === 'anon' ? [identifier, fragmentIdOf(identifier, 1)] : [identifier]
  }),
)

const rule: fc.Arbitrary<NamespaceRule> = fc.record({
  max: fc.integer({ min: 1, max: 4 }),
  windowMs: fc.option(fc.integer({ min: 1, max: 12 })),
  verifiedOnly: fc.boolean(),
  popularMax: fc.integer({ min: 2, max: 9 }),
})

const rules: fc.Arbitrary<IdentityRules> = fc
  .tuple(fc.array(rule, { minLength: 4, maxLength: 4 }), fc.subarray([...ids], { maxLength: 2 }))
  .map(([perName, blocked]) => ({
    ...builtInRules,
    byNamespace: new Map(
      perName.flatMap((one, i) => {
        const name = names[i]
        return name === undefined ? [] : [[name, one]]
      }),
    ),
    blocked: new Set(blocked.map(identifierIn)),
  }))

function linksAmong(
  ids: readonly FragmentId[],
  { minLength, maxLength }: { readonly minLength: number; readonly maxLength: number },
): fc.Arbitrary<JudgedLink[]> {
  const id = fc.constantFrom(...ids)
  const link = fc
    .record({ one: id, other: id, since: fc.integer({ min: 0, max: 30 }) })
    .filter(({ one, other }) => one !== other)
    .map(({ one, other, since }) =>
      compareFragmentIds(one, other, builtInNamespaces) < 0
        ? { lower: one, upper: other, since }
        : { lower: other, upper: one, since },
    )
  return fc.uniqueArray(link, {
    selector: ({ lower, upper }) => `${lower} ${upper}`,
    minLength,
    maxLength,
  })
}

const links = linksAmong(ids, { minLength: 0, maxLength: 40 })
const root = fc.constantFrom(...ids)

test('the judgement is the one that counting everything anew for every link gives', () => {
  fc.assert(
    fc.property(root, links, rules, (root, links, rules) => {
      const { members, leftOut } = judge(root, links, rules)

      const kept = keptByCounting(links, rules)
      expect(
        without(
          links,
          leftOut.map(({ link }) => link),
        ),
      ).toEqual(new Set(kept))
      expect(members).toEqual(componentOf(root, kept))
    }),
    { numRuns: 2_000 },
  )
})

test('the judgement depends on the set of links only, and so does the order of what it lists', () => {
  const shuffled = links.chain((links) =>
    fc.tuple(
      fc.constant(links),
      fc.shuffledSubarray(links, { minLength: links.length, maxLength: links.length }),
    ),
  )
  fc.assert(
    fc.property(root, shuffled, rules, (root, [links, others], rules) => {
      const one = judge(root, links, rules)
      const other = judge(root, others, rules)

      expect(other.leftOut).toEqual(one.leftOut)
      expect([...other.members]).toEqual([...one.members])
    }),
  )
})

test('judging again what is left leaves out nothing more, and keeps the members', () => {
  fc.assert(
    fc.property(root, links, rules, (root, links, rules) => {
      const { members, leftOut } = judge(root, links, rules)
      const kept = without(
        links,
        leftOut.map(({ link }) => link),
      )

      const again = judge(root, [...kept], rules)

      expect(again).toEqual({ members, leftOut: [], within: [] })
    }),
  )
})

test('what lies within a profile may be added, and nothing else is judged otherwise', () => {
  // Few who are linked by many, so that there are ways around.
  const few = linksAmong(
    ids.filter((_, i) => i % 3 === 0),
    { minLength: 10, maxLength: 20 },
  )
  const isOver = fc.array(fc.boolean(), { minLength: 20, maxLength: 20 })
  let found = 0
  fc.assert(
    fc.property(root, few, isOver, rules, (root, all, isOver, rules) => {
      const links = all.filter((_, i) => !isOver[i])
      const overLimit = all.filter((_, i) => isOver[i])

      const { members, leftOut, within } = judge(root, links, rules, false, overLimit)

      expect(within.filter((link) => !overLimit.includes(link))).toEqual([])
      expect(judge(root, [...links, ...within], rules)).toEqual({ members, leftOut, within: [] })
      // And what does not would join somebody, or be one link too many.
      const kept = without(
        links,
        leftOut.map(({ link }) => link),
      )
      for (const link of overLimit) {
        const older = [...kept].filter((one) => isOlder(one, link))
        const isInside = componentOf(link.lower, older).has(link.upper)
        if (within.includes(link)) expect(isInside).toBe(true)
        else if (isInside)
          expect(judge(root, [...links, ...within, link], rules).leftOut).not.toEqual(leftOut)
      }
      found += within.length
    }),
    { numRuns: 1_000 },
  )
  expect(found).toBeGreaterThan(100)
})

test('every member of a profile has the same profile', () => {
  fc.assert(
    fc.property(root, links, rules, (root, links, rules) => {
      const { members } = judge(root, links, rules)

      for (const member of members) expect(judge(member, links, rules).members).toEqual(members)
    }),
  )
})

test('links are never copied: those left out are those given', () => {
  fc.assert(
    fc.property(root, links, rules, (root, links, rules) => {
      const given = new Set(links)

      const { leftOut } = judge(root, links, rules)

      expect(leftOut.filter(({ link }) => !given.has(link))).toEqual([])
      expect(new Set(leftOut.map(({ link }) => link)).size).toBe(leftOut.length)
    }),
  )
})

function isOlder(one: JudgedLink, than: JudgedLink): boolean {
  return (
    one.since < than.since ||
    (one.since === than.since &&
      (compareUtf8(one.lower, than.lower) || compareUtf8(one.upper, than.upper)) < 0)
  )
}

function without(
  links: readonly JudgedLink[],
  leftOut: readonly JudgedLink[],
): ReadonlySet<JudgedLink> {
  return new Set(links.filter((link) => !leftOut.includes(link)))
}

/** The rule as it is written down, with no regard to cost. */
function keptByCounting(links: readonly JudgedLink[], rules: IdentityRules): JudgedLink[] {
  const ofPeople = links.filter(({ lower, upper }) => [lower, upper].every(isSomebody))
  const oldestFirst = ofPeople.sort(
    (a, b) => a.since - b.since || compareUtf8(a.lower, b.lower) || compareUtf8(a.upper, b.upper),
  )
  const kept: JudgedLink[] = []
  for (const link of oldestFirst) {
    const joined = componentOf(link.lower, [...kept, link])
    const isWithin = componentOf(link.lower, kept).has(link.upper)
    const breaks = names.some((name) => {
      const { max, windowMs } = rules.byNamespace.get(name) ?? looseRule
      const counted = [...joined].filter((id) => {
        const first = kept.find(({ lower, upper }) => lower === id || upper === id) ?? link
        const isRecent = windowMs === null || link.since - first.since <= windowMs
        return namespaceOf(identifierIn(id)) === name && isRecent
      })
      return counted.length > max
    })
    if (isWithin || !breaks) kept.push(link)
  }
  return kept

  function isSomebody(id: FragmentId): boolean {
    const count = links.filter(({ lower, upper }) => lower === id || upper === id).length
    const { popularMax } = rules.byNamespace.get(namespaceOf(identifierIn(id))) ?? looseRule
    return count <= popularMax && !rules.blocked.has(identifierIn(id))
  }
}

function componentOf(root: FragmentId, links: readonly JudgedLink[]): Set<FragmentId> {
  const found = new Set([root])
  for (let size = 0; size < found.size; ) {
    size = found.size
    for (const { lower, upper } of links) {
      if (found.has(lower)) found.add(upper)
      else if (found.has(upper)) found.add(lower)
    }
  }
  return found
}
