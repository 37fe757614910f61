import type { Outcome } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CalendarUnit } from '../../../src/core/decision/calendar.ts'
import type { Profile } from '../../../src/core/decision/decide.ts'
import { decide } from '../../../src/core/decision/decide.ts'
import { explanationsOf } from '../../../src/core/decision/explain.ts'
import { blockingLimit, type LimitScope } from '../../../src/core/decision/limits.ts'
import type { Limit } from '../../../src/core/decision/playbook.ts'
import type { Trace } from '../../../src/core/decision/verdict.ts'
import type { FragmentRecord } from '../../../src/core/fragment/evolve.ts'
import type { Register } from '../../../src/core/fragment/registers.ts'
import { mergeParts } from '../../../src/core/profile/merged-profile.ts'
import type { Part } from '../../../src/core/profile/part.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { dayMs, minuteMs, noon } from '../decision/person.ts'
import { keyOf, SplitPerson } from './split-person.ts'

const limits = {
  'a cap per day': '{ on: display, max: 2, per: day }',
  'a cap per week across the group': '{ on: display, max: 3, per: week, across: group }',
  'a cap per session': '{ on: display, max: 2, per: session }',
  'a cap per lifetime': '{ on: click, max: 3, per: lifetime }',
  'a cap per 6h across the channel': '{ on: display, max: 4, per: 6h, across: channel }',
  'a suppression after one': '{ on: dismiss, max: 1, per: lifetime, pause: 2d }',
  'a suppression after three within a time':
    '{ on: display, max: 3, per: 2h, across: all, pause: 3d }',
  'a suppression after four ever': '{ on: click, max: 4, per: lifetime, across: all, pause: 1d }',
} as const

const playbook = compilePlaybook(
  `
playbook: merged
consent: { personalise: required }
events:
  page: { path: string }
traits: { tier: { type: string }, points: { type: double } }
placements:
  hero: { channel: web, format: banner, fallback: {} }
  call: { channel: phone, format: banner, fallback: {} }
facts:
  busy: count("page", "1h") >= 3
  saw: recent("page", "2d").exists(p, p.path == "/card")
groups: { g: {} }
offers:
  a:
    group: g
    accepted: retire
    rejected: { pause: 2d }
    limits: [${Object.values(limits).join(', ')}]
    treatments: { banner: {} }
  b: { group: g, when: busy, treatments: { banner: {} } }
  c: { never: saw, treatments: { banner: {} } }
`,
)
const set = playbook.features
const calendar = new ZoneCalendar()
const heroCandidates = playbook.placements.get('hero')?.candidates ?? []
const ofA = heroCandidates.find(({ offer }) => offer.name === 'a')?.limits ?? []

const happenings = fc.record({
  kind: fc.constantFrom('event', 'outcome', 'outcome', 'outcome', 'traits', 'consent'),
  minutesAgo: fc.oneof(fc.nat(90), fc.nat(600), fc.nat(9_000)),
  place: fc.nat(5),
  outcome: fc.constantFrom<Outcome[]>('display', 'display', 'click', 'dismiss', 'accept', 'reject'),
  offer: fc.constantFrom('a', 'a', 'b', 'c'),
  placement: fc.constantFrom('hero', 'call'),
  trait: fc.constantFrom('tier', 'points'),
  value: fc.oneof(fc.constantFrom('gold', 'silver'), fc.nat(3), fc.constant(undefined)),
  granted: fc.boolean(),
  /** Sent again right away, as after a lost answer. */
  isResent: fc.boolean(),
})
type Happening = typeof happenings extends fc.Arbitrary<infer T> ? T : never

function recordOf(one: Happening, i: number): FragmentRecord {
  const common = { id: `r${i}`, key: keyOf(0), at: noon - one.minutesAgo * minuteMs }
  const { outcome, offer, placement } = one
  switch (one.kind) {
    case 'event':
      return { kind: 'event', ...common, name: 'page', properties: { path: `/${offer}` } }
    case 'outcome':
      return {
        kind: 'outcome',
        ...common,
        decision: `d${i}`,
        outcome,
        offer,
        placement,
        treatment: 'banner',
      }
    case 'traits':
      return one.value === undefined
        ? { kind: 'traits', ...common, set: {}, unset: [one.trait] }
        : { kind: 'traits', ...common, set: { [one.trait]: one.value }, unset: [] }
    case 'consent':
      return { kind: 'consent', ...common, purpose: 'personalise', granted: one.granted }
  }
}

const few = fc.array(happenings, { maxLength: 40 })
const many = fc.array(happenings, { minLength: 60, maxLength: 120 })

/** In the order in which they arrive, which is not that of their times. */
function personOf(all: readonly Happening[], count: number): SplitPerson {
  const person = new SplitPerson(count)
  all.forEach((one, i) => {
    person.take(recordOf(one, i), one.place)
    if (one.isResent) person.take(recordOf(one, i), one.place)
  })
  return person
}

function scopeOf({ features, consents }: Profile, now: number): LimitScope {
  const periodStart = (unit: CalendarUnit) => calendar.startOf(unit, now, 'UTC')
  return { features, consents, now, periodStart, exposures: () => 0, unseen: 0 }
}

function blocks(limit: Limit, profile: Profile, now: number): boolean {
  return blockingLimit([limit], scopeOf(profile, now)) !== undefined
}

/** Whether a ring of some part may have dropped what this limit asks for. */
function mayLack(limit: Limit, parts: readonly Part[]): boolean {
  const capacity = set.features[limit.feature]?.capacity ?? 0
  return parts.some(({ features }) => features?.countAtLeast(limit.feature, 0) === capacity)
}

const counts = fc.integer({ min: 2, max: 4 })
const nows = [noon, noon + 20 * minuteMs, noon + 3 * 60 * minuteMs, noon + dayMs, noon + 3 * dayMs]

const named = new Map<string, Limit>()
const declaredFrom = ofA.findIndex(({ text }) => text === 'at most 2 display per day')
Object.keys(limits).forEach((name, i) => {
  const limit = ofA[declaredFrom + i]
  if (limit !== undefined) named.set(name, limit)
})
for (const limit of ofA)
  if (/^(accepted|rejected|unsubscribed)/.test(limit.text)) named.set(limit.text, limit)

test('every limit of the offer is looked at by name', () => {
  expect(named.size).toBe(ofA.length)
  expect(named.get('a suppression after four ever')?.text).toBe(
    'at most 4 click per lifetime across all, then a pause of 1d',
  )
})

describe.each([...named])('%s', (_name, limit) => {
  test('of several fragments is that of one with all their outcomes', () => {
    fc.assert(
      fc.property(fc.oneof(few, many), counts, (all, count) => {
        const person = personOf(all, count)
        const whole = mergeParts([person.wholePart(set)], set)
        const parts = person.parts(set)

        const merged = mergeParts(parts, set)

        for (const now of nows) {
          const isBlocking = blocks(limit, whole, now)
          if (isBlocking || !mayLack(limit, parts) || isExact(limit))
            expect(blocks(limit, merged, now)).toBe(isBlocking)
        }
      }),
      { numRuns: 100 },
    )
  })

  test('blocks while one of the fragments is not known', () => {
    const person = new SplitPerson(2)
    const parts = person.parts(set).map((part, i) => (i === 1 ? { ...part, features: null } : part))

    expect(blocks(limit, mergeParts(person.parts(set), set), noon)).toBe(false)
    expect(blocks(limit, mergeParts(parts, set), noon)).toBe(true)
  })
})

/** What the newest times alone tell; sessions and reached pauses may need what was before. */
function isExact({ window, max, pauseMs }: Limit): boolean {
  return window.kind !== 'session' && (pauseMs === undefined || max === 1)
}

describe('traits and consents', () => {
  test('traits are the last write wherever it was made, removals included', () => {
    fc.assert(
      fc.property(few, counts, (all, count) => {
        const person = personOf(all, count)

        const { traits } = mergeParts(person.parts(set), set)

        expect(plain(traits)).toEqual(plain(person.whole.traits))
      }),
      { numRuns: 200 },
    )
  })

  test('a consent that any fragment refuses is refused, else the newest counts', () => {
    fc.assert(
      fc.property(few, counts, (all, count) => {
        const person = personOf(all, count)
        const registers = person.fragments.flatMap(({ consents }) =>
          consents === null ? [] : [...consents.values()],
        )

        const { consents } = mergeParts(person.parts(set), set)

        const refusals = registers.filter(({ value }) => value === false)
        const newest = (refusals.length > 0 ? refusals : registers).toSorted(
          (a, b) => a.at - b.at || Number(a.id.slice(1)) - Number(b.id.slice(1)),
        )
        expect(consents?.get('personalise')).toEqual(newest.at(-1))
      }),
      { numRuns: 200 },
    )
  })

  test('a visitor who refused on one device gets default content on all', () => {
    const person = new SplitPerson(2)
    const consent = { kind: 'consent', key: keyOf(0), purpose: 'personalise' } as const
    person.take({ ...consent, id: 'no', at: noon - dayMs, granted: false }, 1)
    person.take({ ...consent, id: 'yes', at: noon, granted: true }, 0)
    const placements = [...playbook.placements.values()].slice(0, 1)
    const request = { placements, now: noon, exposures: [] }

    const merged = decide(mergeParts(person.parts(set), set), request, playbook, calendar)
    const [home] = person.parts(set)
    const alone = decide(mergeParts(home ? [home] : [], set), request, playbook, calendar)

    expect(merged[0]?.reason).toBe('consent')
    expect(alone[0]?.reason).toBe('rules')
  })
})

describe('a merged profile', () => {
  test('does not depend on the order of its parts, or on parts that come twice', () => {
    fc.assert(
      fc.property(few, counts, fc.nat(), (all, count, seed) => {
        const parts = personOf(all, count).parts(set)
        const shuffled = [...parts, ...parts]
          .map((part, i) => ({ part, place: ((seed + 1) * (i + 3) * 31) % 17 }))
          .toSorted((a, b) => a.place - b.place)
          .map(({ part }) => part)

        expect(told(mergeParts(shuffled, set))).toEqual(told(mergeParts(parts, set)))
      }),
      { numRuns: 200 },
    )
  })

  test('takes the newest version of a fragment', () => {
    const person = new SplitPerson(2)
    const page = (id: string) =>
      ({ kind: 'event', id, key: keyOf(0), at: noon, name: 'page', properties: {} }) as const
    person.take(page('a'), 1)
    const older = person.parts(set)
    person.take(page('b'), 1)
    const newer = person.parts(set)
    const index = set.features.findIndex(({ kind }) => kind === 'event')

    for (const parts of [
      [...older, ...newer],
      [...newer, ...older],
    ])
      expect(mergeParts(parts, set).features.count(index, 0)).toBe(2)
  })

  test('of one fragment is that fragment’s own, not a copy', () => {
    const person = personOf([], 1)
    const [own] = person.parts(set)
    if (own === undefined) throw new RangeError('one part')

    const profile = mergeParts([own], set)

    expect(profile.features).toBe(own.features)
    expect(profile.traits).toBe(own.traits)
  })

  test('decides as one fragment with all records does', () => {
    fc.assert(
      fc.property(few, counts, (happened, count) => {
        const person = personOf(
          [...happened.filter(({ kind }) => kind !== 'consent'), granting],
          count,
        )
        const parts = person.parts(set)
        if (ofA.some((limit) => !isExact(limit) && mayLack(limit, parts))) return

        const decided = [[person.wholePart(set)], parts].map((all) =>
          decide(
            mergeParts(all, set),
            { placements: [...playbook.placements.values()], now: noon, exposures: [] },
            playbook,
            calendar,
          ),
        )

        expect(decided[1]).toEqual(decided[0])
      }),
      { numRuns: 200 },
    )
  })

  test('with a part that is not known admits nobody by a count, and excludes whom a rule may', () => {
    const person = new SplitPerson(2)
    const parts = person.parts(set).map((part, i) => (i === 1 ? { ...part, features: null } : part))
    const consent = { kind: 'consent', key: keyOf(0), purpose: 'personalise' } as const
    person.take({ ...consent, id: 'yes', at: noon, granted: true }, 0)
    const [own] = person.parts(set)
    const traces = new Map<string, Trace>()
    const placements = [...playbook.placements.values()].slice(0, 1)
    const request = { placements, now: noon, exposures: [] }
    const profile = mergeParts([...parts, ...(own ? [own] : [])], set)

    const [choice] = decide(profile, request, playbook, calendar, traces)

    expect(choice?.reason).toBe('fallback')
    const candidates = traces.get('hero')?.candidates ?? []
    expect(
      Object.fromEntries(
        candidates.map(({ candidate, verdict }) => [candidate.offer.name, verdict]),
      ),
    ).toEqual({
      a: { kind: 'limit', limit: ofA[0] },
      b: { kind: 'when', truth: undefined },
      c: { kind: 'never', truth: undefined },
    })
  })

  test('with a part that is not known says so when asked why', () => {
    const person = new SplitPerson(2)
    const parts = person.parts(set).map((part, i) => (i === 1 ? { ...part, features: null } : part))
    const consents = new Map([['personalise', { value: true, at: noon, id: 'c' }]])
    const traces = new Map<string, Trace>()
    const placements = [...playbook.placements.values()].slice(0, 1)
    const request = { placements, now: noon, exposures: [] }
    const profile = { ...mergeParts(parts, set), consents }
    const choices = decide(profile, request, playbook, calendar, traces)

    const [explanation] = explanationsOf({
      playbook,
      traces,
      members: parts.map(({ id }) => id),
      answer: {
        kind: 'decision',
        decision: 'd',
        playbook: 7,
        freshness: 'fresh',
        position: [0, 0, 0],
        placements: choices.map(({ reason, propositions }) => ({
          placement: 'hero',
          reason,
          propositions,
        })),
      },
    })

    expect(explanation?.sentence).toBe(
      'At hero you see what everybody sees: of 3 offers none is for you now. The nearest, a, waits until it is known how often you saw it elsewhere.',
    )
    expect(explanation?.candidates.map(({ reason }) => reason)).toEqual([
      'unsubscribed: not known yet',
      'when: busy is unknown',
      'never: saw is unknown',
    ])
  })
})

const granting: Happening = {
  kind: 'consent',
  granted: true,
  minutesAgo: 0,
  place: 0,
  outcome: 'display',
  offer: 'a',
  placement: 'hero',
  trait: 'tier',
  value: undefined,
  isResent: false,
}

function told(profile: Profile): unknown {
  const { traits, consents, features } = profile
  const counted = set.features.map((_feature, index) => [
    features.count(index, 0),
    features.count(index, noon - dayMs),
    features.last(index),
    features.lastReached(index),
  ])
  return [plain(traits), plain(consents), counted, features.sessions.startAt(noon)]
}

function plain<T>(registers: ReadonlyMap<string, Register<T>> | null): unknown {
  return Object.fromEntries([...(registers ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)))
}
