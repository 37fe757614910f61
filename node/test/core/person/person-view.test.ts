import { builtInNamespaces, fragmentIdOf, parseIdentifier } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinHeads, joinTimelines, sessionsIn } from '../../../src/core/person/person-view.ts'
import { mergeTraits } from '../../../src/core/profile/merge-registers.ts'
import { start } from '../../support/records.ts'
import { anon, at, email, headWith, linkTo, phone, user } from './heads.ts'

describe('a person', () => {
  it('is named after all that it is known by, the greatest first', () => {
    const later = fragmentIdOf(anon, 2)
    const asked = headWith(later, [linkTo(user)])

    const { root, identifiers } = joinHeads(
      asked,
      [asked, headWith(email), headWith(user)],
      builtInNamespaces,
    )

    expect(root).toBe('user:17')
    expect(identifiers).toEqual(['user:17', 'email:ann@shop.example', 'anon:4hG8 #2'])
  })

  it('has of each trait the last write, which says by what it came', () => {
    const crm = headWith(user, [], {
      traits: {
        tier: { value: 'gold', at: at(5), id: 't1', source: 'crm' },
        city: { at: at(9), id: 't2', channel: 'call' },
      },
    })
    const web = headWith(anon, [], {
      traits: {
        tier: { value: 'silver', at: at(4), id: 't9', channel: 'web' },
        city: { value: 'Rome', at: at(8), id: 't8', channel: 'web' },
        zone: { value: 'Europe/Rome', at: at(1), id: 't7', channel: 'web' },
      },
    })

    expect(joinHeads(web, [web, crm], builtInNamespaces).traits).toEqual({
      city: { at: at(9), id: 't2', channel: 'call', by: 'user:17' },
      tier: { value: 'gold', at: at(5), id: 't1', source: 'crm', by: 'user:17' },
      zone: { value: 'Europe/Rome', at: at(1), id: 't7', channel: 'web', by: 'anon:4hG8' },
    })
  })

  it('has of two writes at the same time the one with the greater id', () => {
    const one = headWith(anon, [], { traits: { a: { value: 1, at: at(0), id: 'x9' } } })
    const other = headWith(user, [], { traits: { a: { value: 2, at: at(0), id: 'x10' } } })

    for (const members of [
      [one, other],
      [other, one],
    ])
      expect(joinHeads(one, members, builtInNamespaces).traits.a).toMatchObject({ value: 2 })
  })

  it('has of one write at two identifiers the same as decisions have', () => {
    const one = headWith(anon, [], { traits: { a: { value: 2, at: at(0), id: 'x' } } })
    const other = headWith(user, [], { traits: { a: { value: 1, at: at(0), id: 'x' } } })
    const registers = [2, 1].map((value) => new Map([['a', { value, at: start, id: 'x' }]]))

    expect(joinHeads(one, [one, other], builtInNamespaces).traits.a?.value).toBe(
      mergeTraits(registers)?.get('a')?.value,
    )
  })

  it('has denied what any of its identifiers denied, however much later another granted it', () => {
    const denied = headWith(anon, [], {
      consents: { personalise: { granted: false, at: at(0), id: 'c1' } },
    })
    const granted = headWith(user, [], {
      consents: {
        personalise: { granted: true, at: at(9), id: 'c2' },
        email: { granted: true, at: at(9), id: 'c3' },
      },
    })

    expect(joinHeads(denied, [denied, granted], builtInNamespaces).consents).toEqual({
      email: { granted: true, at: at(9), id: 'c3', by: 'user:17' },
      personalise: { granted: false, at: at(0), id: 'c1', by: 'anon:4hG8' },
    })
  })

  it('shows every link with both its ends, and what became of it', () => {
    const refused = { state: 'refused', reason: 'a profile has at most 1 user' } as const
    const member = headWith(anon, [
      linkTo(user),
      linkTo(parseIdentifier('user:18'), refused),
      { to: email, at: at(3), id: 'u1' },
    ])

    expect(joinHeads(member, [member, headWith(user)], builtInNamespaces).links).toEqual([
      {
        lower: 'anon:4hG8',
        upper: 'user:17',
        strength: 'asserted',
        at: at(0),
        id: 'l-user:17',
        state: 'valid',
        since: at(0),
        under: 1,
      },
      expect.objectContaining({ upper: 'user:18', ...refused }),
      { lower: 'anon:4hG8', upper: 'email:ann@shop.example', at: at(3), id: 'u1' },
    ])
  })

  it('is the same in whichever order its members were found', () => {
    const written = fc.record({
      value: fc.integer(),
      at: fc.integer({ min: 0, max: 3 }).map(at),
      id: fc.constantFrom('a', 'b', 'cc'),
    })
    const traits = fc.dictionary(fc.constantFrom('x', 'y', '__proto__'), written)
    const consents = fc.dictionary(
      fc.constantFrom('p', 'q'),
      fc.record({
        granted: fc.boolean(),
        at: fc.integer({ min: 0, max: 3 }).map(at),
        id: fc.constant('c'),
      }),
    )
    const heads = fc.tuple(
      ...[anon, phone, email, user].map((id) =>
        fc.record({ traits, consents }).map((facts) => headWith(id, [], facts)),
      ),
    )

    fc.assert(
      fc.property(heads, fc.integer({ min: 0, max: 3 }), (members, turn) => {
        const turned = [...members.slice(turn), ...members.slice(0, turn)]
        const [asked = headWith(anon)] = members

        expect(joinHeads(asked, turned, builtInNamespaces)).toEqual(
          joinHeads(asked, members, builtInNamespaces),
        )
      }),
    )
  })
})

describe('the timeline of a person', () => {
  const minute = 60_000
  const entry = (ms: number, id: string) => ({ at: at(ms), kind: 'page', id })
  const timeline = joinTimelines([
    {
      identifiers: [anon],
      timeline: [entry(0, 'a'), entry(20 * minute, 'b'), entry(90 * minute, 'c')],
    },
    { identifiers: [fragmentIdOf(phone, 1)], timeline: [entry(0, 'B'), entry(45 * minute, 'd')] },
  ])

  it('has the entries of all, in order, each with the identifier that it came by', () => {
    expect(timeline.map(({ id, by }) => `${id} ${by}`)).toEqual([
      'B anon:phone #1',
      'a anon:4hG8',
      'b anon:4hG8',
      'd anon:phone #1',
      'c anon:4hG8',
    ])
  })

  it('is one session where one device goes on soon after another', () => {
    expect(sessionsIn(timeline)).toEqual([
      { start: at(0), end: at(45 * minute), events: 4 },
      { start: at(90 * minute), end: at(90 * minute), events: 1 },
    ])
  })
})
