import {
  builtInNamespaces,
  type FragmentId,
  fragmentIdOf,
  identifierOf,
  parseIdentifier,
} from '@halfsecond/protocol'
import { describe, expect, test } from 'vitest'
import { type JudgedLink, judge } from '../../../src/core/identity/judge.ts'
import {
  builtInRules,
  type IdentityRules,
  type NamespaceRule,
} from '../../../src/core/identity/rules.ts'

const day = 24 * 60 * 60_000
const [u1, u2] = [id('user:1'), id('user:2')]
const [a1, a2, a3] = [id('anon:1'), id('anon:2'), id('anon:3')]
const mail = id('email:x@example.org')

test('a root without links is alone', () => {
  expect(judge(u1, [], builtInRules)).toEqual({ members: new Set([u1]), leftOut: [], within: [] })
})

test('a profile is what links connect to its root, over any number of steps', () => {
  const links = [link(a1, mail, 1), link(mail, u1, 2), link(a2, u2, 3)]

  const { members, leftOut } = judge(u1, links, builtInRules)

  expect(members).toEqual(new Set([a1, mail, u1]))
  expect(leftOut).toEqual([])
})

test('the later of two links that would give a profile two accounts of one namespace is left out', () => {
  const [first, second] = [link(mail, u2, 1), link(mail, u1, 2)]

  expect(judge(u2, [second, first], builtInRules)).toEqual({
    members: new Set([mail, u2]),
    leftOut: [{ link: second, reason: 'a profile has at most 1 user', isOverLimit: true }],
    within: [],
  })
  expect(judge(u1, [second, first], builtInRules).members).toEqual(new Set([u1]))
})

test('a link within a profile is never left out', () => {
  const links = [link(a1, mail, 1), link(mail, u1, 2), link(a1, u1, 3)]

  expect(judge(u1, links, builtInRules).leftOut).toEqual([])
})

test('epochs of one device count one each', () => {
  const rules = withRule('anon', { max: 2 })
  const epochs = [0, 1, 2].map((epoch) => fragmentIdOf(identifierOf('anon', '1'), epoch))
  const links = epochs.map((epoch, i) => link(epoch, u1, i))

  const { members, leftOut } = judge(u1, links, rules)

  expect(members).toEqual(new Set([u1, ...epochs.slice(0, 2)]))
  expect(leftOut).toEqual([
    { link: links[2], reason: 'a profile has at most 2 anon', isOverLimit: true },
  ])
})

test('ID-16: with a window, the sixth anonymous identifier of a week is left out, and one more a week later is not', () => {
  const rules = withRule('anon', { max: 5, windowMs: 7 * day })
  const links = [0, 1, 2, 3, 4, 5, 8].map((at) => link(id(`anon:d${at}`), u1, at * day))

  const { members, leftOut } = judge(u1, links, rules)

  expect(leftOut).toEqual([
    { link: links[5], reason: 'a profile has at most 5 anon within 7 days', isOverLimit: true },
  ])
  expect(members.size).toBe(7)
})

test('a window ends with its last millisecond', () => {
  const rules = withRule('anon', { max: 1, windowMs: day })
  const within = [link(a1, u1, 0), link(a2, u1, day)]
  const after = [link(a1, u1, 0), link(a2, u1, day + 1)]

  expect(judge(u1, within, rules).leftOut).toHaveLength(1)
  expect(judge(u1, after, rules).leftOut).toEqual([])
})

test('a profile that is joined to another brings those that joined it within the window', () => {
  const rules = withRule('anon', { max: 2, windowMs: day })
  const recent = [link(a1, mail, 0), link(a2, mail, 1), link(a3, u1, 2)]

  const soon = judge(u1, [...recent, link(mail, u1, day)], rules)
  const later = judge(u1, [...recent, link(mail, u1, day + 1)], rules)

  expect(soon.leftOut).toEqual([
    {
      link: link(mail, u1, day),
      reason: 'a profile has at most 2 anon within 1 day',
      isOverLimit: true,
    },
  ])
  expect(later.leftOut).toEqual([])
})

describe('a link that was over a limit', () => {
  const bypassed = link(mail, u1, 3)
  const around = [link(a1, mail, 1), link(a1, u1, 2)]

  test('lies within the profile where older links connect its ends', () => {
    const { members, within } = judge(u1, around, builtInRules, false, [bypassed])

    expect(within).toEqual([bypassed])
    expect(members).toEqual(new Set([a1, mail, u1]))
  })

  test('does not where one of those is younger: it was refused before they were one', () => {
    const later = [link(a1, mail, 1), link(a1, u1, 4)]

    expect(judge(u1, later, builtInRules, false, [bypassed]).within).toEqual([])
  })

  test('connects nobody itself', () => {
    const { members, within } = judge(u1, [link(a1, mail, 1)], builtInRules, false, [bypassed])

    expect(within).toEqual([])
    expect(members).toEqual(new Set([u1]))
  })

  test('is not taken back where its end had more links than any person then', () => {
    const others = Array.from({ length: 62 }, (_, i) => link(id(`anon:d${i}`), mail, 10 + i))

    expect(judge(u1, [...around, ...others], builtInRules, false, [bypassed]).within).toHaveLength(
      1,
    )
    const one = link(a2, mail, 99)
    const full = judge(u1, [...around, ...others, one], builtInRules, false, [bypassed])
    expect(full).toMatchObject({ within: [], leftOut: [] })
  })
})

test('of several limits that break, the strictest is named', () => {
  const rules = withRule('anon', { max: 2 })
  const links = [link(a1, u1, 1), link(a2, u1, 2), link(a3, u2, 3), link(a3, u1, 4)]

  const { leftOut } = judge(u1, links, rules)

  expect(leftOut.map(({ reason }) => reason)).toEqual(['a profile has at most 1 user'])
})

test('an identifier with more links than any person has joins nobody', () => {
  const popular = Array.from({ length: 65 }, (_, i) => link(id(`anon:d${i}`), mail, i))
  const links = [...popular, link(a1, u1, 99)]

  const { members, leftOut } = judge(u1, links, builtInRules)

  expect(members).toEqual(new Set([a1, u1]))
  expect(leftOut).toHaveLength(65)
  expect(leftOut[0]?.reason).toBe("email:x@example.org is linked to 65 others: it is no person's")
})

test('a blocked identifier joins nobody, whatever its epoch', () => {
  const rules = { ...builtInRules, blocked: new Set(['anon:1']) }
  const epoch = fragmentIdOf(identifierOf('anon', '1'), 1)
  const links = [link(a1, u1, 1), link(epoch, u1, 2), link(a2, u1, 3)]

  const { members, leftOut } = judge(u1, links, rules)

  expect(members).toEqual(new Set([a2, u1]))
  expect(leftOut.map(({ reason }) => reason)).toEqual([
    'anon:1 is blocked: it stands for nobody',
    'anon:1 #1 is blocked: it stands for nobody',
  ])
})

test('a namespace without a rule joins like a device', () => {
  const rules = { ...builtInRules, byNamespace: new Map() }

  expect(judge(u1, [link(a1, u1, 1), link(a1, u2, 2)], rules).members).toEqual(
    new Set([a1, u1, u2]),
  )
})

function id(text: string): FragmentId {
  return parseIdentifier(text, builtInNamespaces)
}

function link(lower: FragmentId, upper: FragmentId, since: number): JudgedLink {
  return { lower, upper, since }
}

function withRule(namespace: string, change: Partial<NamespaceRule>): IdentityRules {
  const rule: NamespaceRule = {
    max: 9,
    windowMs: null,
    verifiedOnly: false,
    popularMax: 99,
    ...change,
  }
  return {
    ...builtInRules,
    byNamespace: new Map([...builtInRules.byNamespace, [namespace, rule]]),
  }
}
