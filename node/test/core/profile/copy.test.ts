import {
  bounds,
  type ChannelRecord,
  encode,
  type FragmentId,
  fragmentIdOf,
  type LinkRecord,
} from '@halfsecond/protocol'
import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../../src/core/assert.ts'
import { type EventFeature, FeatureSet } from '../../../src/core/features/feature-set.ts'
import type { Fragment } from '../../../src/core/fragment/fragment.ts'
import { builtInRules } from '../../../src/core/identity/rules.ts'
import { noTies, type Ties } from '../../../src/core/identity/ties.ts'
import { encodeCopy, encodePart, partOf, readCopy } from '../../../src/core/profile/copy.ts'
import { ownPart, type Part, pendingPart } from '../../../src/core/profile/part.ts'
import { anon, start } from '../../support/records.ts'
import { keyOf, playbookVersion, SplitPerson } from './split-person.ts'

const pages: EventFeature = { kind: 'event', event: 'page', capacity: 1_024, text: 'page' }
const few: EventFeature = { ...pages, capacity: 3, text: 'page, few' }
const set = new FeatureSet([pages, few], new Map(), new Map())
const [pageIndex, fewIndex] = [0, 1]
const otherSet = new FeatureSet([pages], new Map(), new Map())
const key = keyOf(0)

/** Somebody with a bit of everything. */
function somebody(): SplitPerson {
  const person = new SplitPerson(1)
  const common = { key, at: start }
  person.take({ kind: 'event', id: 'e', ...common, name: 'page', properties: {} }, 0)
  person.take(
    { kind: 'traits', id: 't', ...common, channel: 'web', set: { tier: 'gold' }, unset: ['x'] },
    0,
  )
  person.take({ kind: 'consent', id: 'c', ...common, purpose: 'ads', granted: false }, 0)
  return person
}

function fragmentOf(person: SplitPerson): Fragment {
  const [fragment] = person.fragments
  if (fragment === undefined) throw new RangeError('a person has a fragment')
  return fragment
}

function tied(links: Ties['links']): Ties {
  return { ...noTies(), links }
}

function partWith(changes: Partial<Part>): Part {
  const person = somebody()
  return { ...ownPart(fragmentOf(person), set, person.ground), ...changes }
}

describe('a copy of a fragment', () => {
  test('holds all but the timeline', () => {
    const person = somebody()
    const fragment = fragmentOf(person)
    const told = {
      since: 5,
      strength: 'asserted',
      reason: '',
      isOverLimit: false,
      under: 0,
    } as const
    const valid = { ...told, state: 'valid' } as const
    fragment.ties = tied(
      new Map([
        [keyOf(2), { ...valid, since: 9 }],
        [keyOf(3), valid],
        [keyOf(4), { ...valid, state: 'refused' }],
        [keyOf(5), { ...valid, state: 'unverified' }],
      ]),
    )

    const own = ownPart(fragment, set, person.ground)
    const copied = partOf(encodeCopy(fragment, null, own.features, playbookVersion), set)

    expect(copied).toEqual(own)
    expect(copied.features?.count(pageIndex, 0)).toBe(1)
    expect(copied.links).toEqual([
      { to: keyOf(3), since: 5 },
      { to: keyOf(2), since: 9 },
    ])
  })

  test('tells the oldest links that are over a limit, apart from those that hold', () => {
    const person = somebody()
    const fragment = fragmentOf(person)
    const refused = { strength: 'asserted', state: 'refused', reason: 'limit', under: 0 } as const
    fragment.ties = tied(
      new Map(
        Array.from({ length: 20 }, (_, i) => [
          keyOf(i + 2),
          { ...refused, since: 100 - i, isOverLimit: i !== 19 },
        ]),
      ),
    )

    const { links, overLimit } = readCopy(encodeCopy(fragment, null, null, playbookVersion))

    expect(links).toEqual([])
    expect(overLimit.map(({ since }) => since)).toEqual(
      Array.from({ length: 16 }, (_, i) => 82 + i),
    )
    expect(overLimit[0]?.to).toBe(keyOf(20))
  })

  test('gives its head without the rest, in bytes of its own', () => {
    const person = somebody()
    const fragment = fragmentOf(person)
    const bytes = encodeCopy(fragment, null, null, playbookVersion)
    const batch = new Uint8Array([1, 2, 3, ...bytes, 4])

    const copy = readCopy(batch.subarray(3, 3 + bytes.length))
    batch.fill(0)

    expect(copy.id).toBe(key)
    expect(copy.version).toEqual({ sequence: fragment.sequence, index: fragment.index })
    expect(copy.bytes).toEqual(new Uint8Array(bytes))
  })

  test('of a device’s later epoch names the epoch', () => {
    const id: FragmentId = fragmentIdOf(anon(1), 2)

    expect(readCopy(encodePart(partWith({ id }), playbookVersion)).id).toBe(id)
  })

  test('made under another playbook has features that are not known', () => {
    const bytes = encodePart(partWith({}), playbookVersion)

    expect(partOf(bytes, otherSet).features).toBeNull()
    expect(partOf(bytes, otherSet).traits?.get('tier')?.value).toBe('gold')
  })

  test('is refused where it is none', () => {
    const whole = encodePart(partWith({}), playbookVersion)
    const broken = [
      new Uint8Array(0),
      new Uint8Array([0xc1]),
      whole.subarray(0, whole.length - 3),
      encode({}),
      encode([2, key, 1, 0, 7, [], null, new Uint8Array(0)]),
      encode([1, 'nobody', 1, 0, 7, [], null, new Uint8Array(0)]),
      encode([1, key, '1', 0, 7, [], null, new Uint8Array(0)]),
      encode([1, key, 1, 0, 7, [key], null, new Uint8Array(0)]),
      encode([1, key, 1, 0, 7, [], null, 'body']),
    ]
    for (const bytes of broken) expect(() => readCopy(bytes)).toThrow(AssertionError)
    const bodies = [new Uint8Array(0), encode(7), encode([7, null, null])]
    for (const body of bodies) {
      const bytes = encode([1, key, 1, 0, 7, [], null, body])
      expect(() => partOf(bytes, set)).toThrow(AssertionError)
    }
  })
})

describe('a copy that would be too large', () => {
  const long = 'x'.repeat(8_000)
  const register = <T>(value: T, id = 'r') => ({ value, at: start, id })
  const names = Array.from({ length: 200 }, (_, i) => `${'n'.repeat(60)}${i}`)

  test('gives up the oldest times of long rings, and knows what it lacks', () => {
    const many = Array.from({ length: 12 }, (_, i) => ({ ...pages, text: `page ${i}` }))
    const wide = new FeatureSet([...many, few], new Map(), new Map())
    const person = new SplitPerson(1)
    for (let i = 0; i < 900; i++) {
      const record = { kind: 'event', id: `e${i}`, key, at: start + i, name: 'page' } as const
      person.take({ ...record, properties: {} }, 0)
    }

    const bytes = person.copy(0, wide)
    const { features } = partOf(bytes, wide)

    expect(bytes.length).toBeLessThanOrEqual(bounds.copyBytes)
    const oldestKept = start + 900 - 256
    expect(features?.count(0, oldestKept)).toBe(255)
    expect(features?.count(0, oldestKept - 1)).toBeUndefined()
    expect(features?.some(0, 0)).toBe(true)
    expect(features?.count(many.length, 0)).toBe(3)
  })

  test('gives up features before traits', () => {
    const traits = new Map(names.slice(0, 7).map((name) => [name, register(long)]))
    const wide = new FeatureSet(
      Array.from({ length: 600 }, (_, i) => ({ ...few, text: `${i}` })),
      new Map(),
      new Map(),
    )
    const person = somebody()
    for (const i of [1, 2])
      person.take({ kind: 'event', id: `e${i}`, key, at: start, name: 'page', properties: {} }, 0)
    const { features } = ownPart(fragmentOf(person), wide, person.ground)

    const bytes = encodePart(partWith({ traits, features }), playbookVersion)

    expect(bytes.length).toBeLessThanOrEqual(bounds.copyBytes)
    expect(partOf(bytes, wide).features).toBeNull()
    expect(partOf(bytes, wide).traits).toEqual(traits)
  })

  test('gives up the values of traits, but not that they were written', () => {
    const traits = new Map(names.slice(0, 9).map((name) => [name, register(long)]))

    const bytes = encodePart(partWith({ traits }), playbookVersion)

    expect(bytes.length).toBeLessThanOrEqual(bounds.copyBytes)
    const copied = partOf(bytes, set)
    expect([...(copied.traits ?? [])]).toEqual(
      names.slice(0, 9).map((name) => [name, { ...register(long), value: undefined }]),
    )
    expect(copied.consents?.get('ads')?.value).toBe(false)
  })

  test('keeps every refusal, and the oldest links', () => {
    const id = 'i'.repeat(64)
    const all = Array.from({ length: 900 }, (_, i) => `${'p'.repeat(60)}${i}`)
    const consents = new Map(all.map((name, i) => [name, register(i % 3 > 0, id)]))
    const links = Array.from({ length: 1_000 }, (_, i) => ({
      to: anon(`${'v'.repeat(240)}${i}`),
      since: 1_000 - i,
    }))

    const bytes = encodePart(partWith({ consents, links }), playbookVersion)
    const copied = partOf(bytes, set)

    expect(bytes.length).toBeLessThan(bounds.frameBytes / 2)
    expect([...(copied.consents?.values() ?? [])].every(({ value }) => value === false)).toBe(true)
    expect(copied.consents?.size).toBe(300)
    expect(copied.links[0]).toEqual({ to: links[999]?.to, since: 1 })
    expect(copied.links.length).toBeLessThan(links.length)
  })

  test('of any size is read back', () => {
    const part = partWith({ traits: new Map(names.map((name) => [name, register(long)])) })

    expect(partOf(encodePart(part, playbookVersion), set).id).toBe(key)
  })
})

describe('a fragment with pending records', () => {
  const account = keyOf(0)
  const device = keyOf(1)
  const link: LinkRecord = {
    kind: 'link',
    id: 'l',
    key: device,
    at: start,
    to: account,
    source: 'login',
    strength: 'authenticated',
  }

  function pendingOn(person: SplitPerson, ...records: readonly ChannelRecord[]): Part {
    const fragment = person.fragments[1]
    if (fragment === undefined) throw new RangeError('a person has a device')
    return pendingPart(fragment, set, records, start + 10, builtInRules, person.ground)
  }

  test('has the links that they tell, and keeps its own facts', () => {
    const person = new SplitPerson(2)
    const page = { kind: 'event', id: 'e', key: device, at: start, name: 'page' } as const

    const part = pendingOn(person, link, { ...page, properties: {} })

    expect(part.links).toEqual([{ to: account, since: start }])
    expect(part.features?.count(fewIndex, 0)).toBe(1)
    expect(person.fragments[1]?.links).toBeNull()
    expect(person.fragments[1]?.ties).toBeNull()
    expect(ownPart(person.fragments[1] ?? person.whole, set, person.ground).links).toEqual([])
  })

  test('loses a link that they take back', () => {
    const unlink = { kind: 'unlink', id: 'u', key: device, at: start + 1, to: account } as const

    expect(pendingOn(new SplitPerson(2), link, unlink).links).toEqual([])
  })

  test('takes nothing from before it was erased', () => {
    const person = new SplitPerson(2)
    const fragment = person.fragments[1]
    if (fragment === undefined) throw new RangeError('a person has a device')
    fragment.ties = { ...noTies(), tomb: { at: start, erasures: new Map() } }
    const page = { kind: 'event', key: device, name: 'page', properties: {} } as const

    const part = pendingOn(
      person,
      link,
      { ...page, id: 'e', at: start },
      { ...page, id: 'f', at: start + 1 },
    )

    expect(part.links).toEqual([])
    expect(part.features?.count(fewIndex, 0)).toBe(1)
  })
})
