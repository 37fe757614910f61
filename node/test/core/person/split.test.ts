import { builtInNamespaces, fragmentName, parseIdentifier } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planSplit } from '../../../src/core/person/split.ts'
import { anon, email, headWith, linkTo, phone, user } from './heads.ts'

const star = [
  headWith(anon, [linkTo(user)], { traits: { zone: { value: 'UTC', at: 't', id: 'z' } } }),
  headWith(phone, [linkTo(user)]),
  headWith(user, [], { traits: { tier: { value: 'gold', at: 't', id: 'g' } } }),
]

describe('a split', () => {
  it('gives each of the two what its own identifiers brought', () => {
    const plan = planSplit(star, anon, user, builtInNamespaces)

    expect(plan).toMatchObject({
      kind: 'link',
      dropped: { lower: anon, upper: user },
      stillBy: [],
      persons: [
        { root: anon, identifiers: [anon], traits: { zone: { value: 'UTC' } } },
        { root: user, identifiers: [user, phone], traits: { tier: { value: 'gold' } } },
      ],
    })
  })

  it('may be asked for from either end', () => {
    const [there, back] = [
      planSplit(star, user, anon, builtInNamespaces),
      planSplit(star, anon, user, builtInNamespaces),
    ]

    expect(there).toMatchObject({ persons: [{ root: user }, { root: anon }] })
    expect(back).toMatchObject({ persons: [{ root: anon }, { root: user }] })
  })

  it('of two that are one by way of others names the links of the shortest way', () => {
    expect(planSplit(star, anon, phone, builtInNamespaces)).toMatchObject({
      kind: 'others',
      by: [
        { lower: anon, upper: user },
        { lower: phone, upper: user },
      ],
    })
  })

  it('says by what the two stay one person', () => {
    const ring = [
      headWith(anon, [linkTo(email), linkTo(user)]),
      headWith(email, [linkTo(user)]),
      headWith(user),
    ]

    expect(planSplit(ring, anon, user, builtInNamespaces)).toMatchObject({
      kind: 'link',
      persons: [{ root: user, identifiers: [user, email, anon] }],
      stillBy: [
        { lower: anon, upper: email },
        { lower: email, upper: user },
      ],
    })
  })

  it('is nothing between those who are no one person', () => {
    const refused = [headWith(anon, [linkTo(user, { state: 'refused' })]), headWith(user)]

    expect(planSplit(refused, anon, user, builtInNamespaces)).toEqual({ kind: 'apart' })
  })

  it('leaves every other identifier with the one that it is still linked to', () => {
    const ids = Array.from({ length: 7 }, (_, i) => parseIdentifier(`anon:${i + 1}x`))
    const edge = fc
      .tuple(fc.nat(6), fc.nat(6))
      .filter(([a, b]) => a !== b)
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)

    fc.assert(
      fc.property(fc.uniqueArray(edge, { minLength: 1, selector: String }), (edges) => {
        const members = ids.map((id, i) =>
          headWith(
            id,
            edges.filter(([a]) => a === i).map(([, b]) => linkTo(ids[b] ?? id)),
          ),
        )
        const [[a, b] = [0, 1]] = edges
        const plan = planSplit(members, ids[a] ?? anon, ids[b] ?? anon, builtInNamespaces)

        const colours = coloursBy(edges.slice(1))
        const sameAs = (end: number) =>
          ids.filter((_, i) => colours[i] === colours[end]).map(fragmentName)
        const expected = colours[a] === colours[b] ? [sameAs(a)] : [sameAs(a), sameAs(b)]
        const persons = plan.kind === 'link' ? plan.persons : []
        expect(persons.map(({ identifiers }) => [...identifiers].sort())).toEqual(expected)
      }),
    )
  })
})

/** For each of seven the least that it is connected to. */
function coloursBy(edges: readonly (readonly [number, number])[]): number[] {
  const colours = [0, 1, 2, 3, 4, 5, 6]
  for (const _ of colours)
    for (const [a, b] of edges) {
      const least = Math.min(colours[a] ?? a, colours[b] ?? b)
      colours[a] = least
      colours[b] = least
    }
  return colours
}
