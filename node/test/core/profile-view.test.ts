import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EntryView, ProfileView } from '../../src/core/profile-view.ts'
import { BareShard } from '../support/bare-shard.ts'
import { bytesOf, end, historySentTwice } from '../support/histories.ts'
import { anon, batch, event, start } from '../support/records.ts'

const key = anon(1)
const iso = (at: number) => new Date(at).toISOString()

test('a view shows every fact with its time, id and sender', () => {
  const shard = new BareShard()
  const records = [
    { ...event(key, 'e1', start, { path: '/a?b=1' }), channel: 'web' },
    {
      kind: 'traits',
      id: 't1',
      key,
      at: start,
      set: { tier: 'gold', age: 3 },
      unset: [],
      source: 'crm',
    },
    { kind: 'traits', id: 't2', key, at: start + 1, set: {}, unset: ['age'] },
    { kind: 'link', id: 'l1', key, at: start, to: anon(9), strength: 'asserted' },
    { kind: 'link', id: 'l2', key, at: start, to: anon(8), strength: 'observed' },
    { kind: 'unlink', id: 'l3', key, at: start + 1, to: anon(8) },
    { kind: 'consent', id: 'c1', key, at: start, purpose: 'personalise', granted: false },
    {
      kind: 'outcome',
      id: 'o1',
      key,
      at: start + 31 * 60_000,
      decision: 'd',
      placement: 'hero',
      offer: 'card',
      treatment: 'banner',
      outcome: 'accept',
    },
    { kind: 'logout', id: 'x1', key, at: start + 32 * 60_000 },
  ] as const

  shard.take(batch('p', 1, records), start + 60 * 60_000)

  expect(shard.view(key)).toEqual({
    identifiers: [key],
    traits: {
      age: { at: iso(start + 1), id: 't2' },
      tier: { value: 'gold', at: iso(start), id: 't1', source: 'crm' },
    },
    links: [
      { to: anon(8), at: iso(start + 1), id: 'l3' },
      { to: anon(9), strength: 'asserted', at: iso(start), id: 'l1' },
    ],
    consents: { personalise: { granted: false, at: iso(start), id: 'c1' } },
    timeline: [
      { at: iso(start), kind: 'page', id: 'e1', channel: 'web', properties: { path: '/a?b=1' } },
      {
        at: iso(start + 31 * 60_000),
        kind: 'outcome',
        id: 'o1',
        decision: 'd',
        placement: 'hero',
        offer: 'card',
        treatment: 'banner',
        outcome: 'accept',
      },
      { at: iso(start + 32 * 60_000), kind: 'logout', id: 'x1' },
    ],
    sessions: [
      { start: iso(start), end: iso(start), events: 1 },
      { start: iso(start + 31 * 60_000), end: iso(start + 32 * 60_000), events: 2 },
    ],
  })
})

test('names that JavaScript knows are names like others', () => {
  const shard = new BareShard()

  shard.take(
    batch('p', 1, [
      { kind: 'consent', id: 'c1', key, at: start, purpose: '__proto__', granted: true },
      { kind: 'consent', id: 'c2', key, at: start, purpose: 'constructor', granted: true },
    ]),
    start,
  )

  const consents = JSON.parse(JSON.stringify(shard.view(key)?.consents))
  expect(Object.keys(consents)).toEqual(['__proto__', 'constructor'])
})

test('a view folded again gives the same view', () => {
  fc.assert(
    fc.property(historySentTwice, ({ first }) => {
      const shard = new BareShard()
      for (const sending of first) shard.take(bytesOf(sending), end)

      const again = new BareShard()
      for (const view of Object.values(shard.views())) {
        if (view === undefined) continue
        for (const record of recordsOf(view))
          again.take(batch(`q${again.state.applied}`, 1, [record]), end)
      }

      expect(again.letters).toEqual([])
      expect(again.views()).toEqual(shard.views())
    }),
    { numRuns: 25 },
  )
})

type Written = { readonly at: string; readonly id: string }

/** The records that a view tells of: all that a second system needs to know as much. */
function recordsOf(view: ProfileView): { readonly [field: string]: unknown }[] {
  const [to] = view.identifiers
  const common = ({ at, id, ...rest }: Written) => ({ ...rest, id, key: to, at: Date.parse(at) })
  return [
    ...Object.entries(view.traits).map(([name, { value, ...written }]) => ({
      ...common(written),
      kind: 'traits',
      set: value === undefined ? {} : { [name]: value },
      unset: value === undefined ? [name] : [],
    })),
    ...view.links.map(({ strength, ...written }) => ({
      ...common(written),
      kind: strength === undefined ? 'unlink' : 'link',
      ...(strength !== undefined && { strength }),
    })),
    ...Object.entries(view.consents).map(([purpose, written]) => ({
      ...common(written),
      kind: 'consent',
      purpose,
    })),
    ...view.timeline.map((entry) => ({ ...common(entry), ...kindOf(entry) })),
  ]
}

function kindOf({ kind, properties }: EntryView): { readonly [field: string]: unknown } {
  return properties === undefined ? { kind } : { kind: 'event', name: kind, properties }
}
