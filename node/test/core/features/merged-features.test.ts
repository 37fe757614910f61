import type { EventRecord, OutcomeRecord } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type EventFeature,
  FeatureSet,
  type OutcomeFeature,
} from '../../../src/core/features/feature-set.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { sessionGapMs } from '../../../src/core/features/sessions.ts'
import { restoreFeatures } from '../../../src/core/features/stored-features.ts'
import { anon, event, start } from '../../support/records.ts'

const key = anon(1)
const minute = 60_000
const reachMs = 30 * minute

const pages: EventFeature = { kind: 'event', event: 'page', capacity: 5, text: 'page' }
const manyPages: EventFeature = { ...pages, capacity: 40, text: 'page, many' }
const displays: OutcomeFeature = {
  kind: 'outcome',
  outcome: 'display',
  scope: 'all',
  of: '',
  capacity: 5,
  reach: { max: 3, withinMs: reachMs },
  text: 'display',
}
const set = new FeatureSet([pages, manyPages, displays], new Map(), new Map())
const [pageIndex, manyIndex, displayIndex] = [0, 1, 2]

type Happened = { readonly minute: number; readonly kind: 'page' | 'display' }

function recordOf({ minute: at, kind }: Happened, i: number): EventRecord | OutcomeRecord {
  const common = { id: `r${i}`, key, at: start + at * minute }
  return kind === 'page'
    ? event(key, common.id, common.at)
    : {
        kind: 'outcome',
        ...common,
        decision: `d${i}`,
        placement: 'hero',
        offer: 'card',
        treatment: 't',
        outcome: 'display',
      }
}

/** The state of a whole timeline, as its home computes it. */
function stateOf(timeline: readonly (EventRecord | OutcomeRecord)[]): FeatureState {
  const state = new FeatureState(set)
  for (const record of timeline.toSorted((a, b) => a.at - b.at)) state.update(record.at, record)
  return state
}

const minutes = fc.oneof(fc.nat(120), fc.nat(300), fc.nat(5_000))
const kinds = fc.constantFrom<Happened['kind'][]>('page', 'display')
const histories = fc.array(fc.tuple(fc.record({ minute: minutes, kind: kinds }), fc.nat()), {
  maxLength: 60,
})
/** Displays close together long ago, then some too far apart to begin a pause. */
const bursts = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(70), fc.nat(2)), { minLength: 2, maxLength: 9 }),
    fc.array(fc.tuple(fc.integer({ min: 5, max: 60 }), fc.nat(1)), { maxLength: 8 }),
  )
  .map(([early, gaps]) => {
    let minute = 60
    const late = gaps.map(([gap, part]) => {
      minute += gap
      return [minute, part] as const
    })
    return [...early, ...late].map(([at, part]) => [{ minute: at, kind: 'display' }, part] as const)
  })
const closeTimes = fc.array(
  fc.tuple(fc.record({ minute: fc.nat(500), kind: kinds }), fc.constantFrom(0, 0, 0, 0, 1)),
  { maxLength: 40 },
)
const sinces = [0, start - 1, start + 60 * minute, start + 119 * minute, start + 4_000 * minute]

/** All together, and the parts that they were split into. */
function split(all: readonly (readonly [Happened, number])[], count: number) {
  const records = all.map(([happened], i) => recordOf(happened, i))
  const timelines = Array.from({ length: count }, (_, part) =>
    records.filter((_record, i) => (all[i]?.[1] ?? 0) % count === part),
  )
  return { records, whole: stateOf(records), timelines, parts: timelines.map(stateOf) }
}

function merge(parts: readonly FeatureState[]): FeatureState {
  return FeatureState.merged(set, parts, true)
}

/** All that anybody can ask a state. */
function answers(state: FeatureState): unknown[] {
  return [
    ...set.features.flatMap((_feature, index) => [
      ...sinces.map((since) => state.count(index, since)),
      ...sinces.map((since) => state.some(index, since)),
      state.last(index),
      state.lastReached(index),
    ]),
    ...sinces.map((now) => state.sessions.startAt(now)),
  ]
}

describe('features of several fragments', () => {
  test('count what one fragment with all entries counts', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 2, max: 4 }), (all, count) => {
        const { whole, parts } = split(all, count)

        const merged = merge(parts)

        for (const index of [pageIndex, manyIndex, displayIndex]) {
          for (const since of sinces) {
            expect(merged.count(index, since)).toBe(whole.count(index, since))
            expect(merged.some(index, since)).toBe((whole.count(index, since) ?? 0) > 0)
          }
          expect(merged.last(index)).toBe(whole.last(index))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('know when a pause began, or the latest time at which it may have', () => {
    fc.assert(
      fc.property(fc.oneof(histories, bursts), fc.integer({ min: 2, max: 4 }), (all, count) => {
        const { whole, parts, timelines } = split(all, count)

        const merged = merge(parts).lastReached(displayIndex)

        const real = whole.lastReached(displayIndex)
        if (merged === real) return
        // Only what a full ring dropped leaves a doubt, and only near the oldest that it kept.
        const full = timelines
          .map((one) => one.filter(({ kind }) => kind === 'outcome').map(({ at }) => at))
          .filter(({ length }) => length >= displays.capacity)
          .map((times) => times.toSorted((a, b) => a - b).at(-displays.capacity) ?? 0)
        expect(full).not.toEqual([])
        expect(merged).toBeGreaterThan(real ?? 0)
        expect(merged).toBeLessThan(Math.max(...full) + reachMs)
      }),
      { numRuns: 2_000 },
    )
  })

  test('begin a pause that no fragment alone would begin', () => {
    const display = (at: number) => recordOf({ minute: at, kind: 'display' }, at)
    const [one, other] = [[display(0), display(20)], [display(10)]].map(stateOf)

    expect(one?.lastReached(displayIndex)).toBeUndefined()
    expect(merge([one, other].filter((part) => part !== undefined)).lastReached(displayIndex)).toBe(
      start + 20 * minute,
    )
  })

  test('leave no doubt about a pause where what was dropped is one fragment’s own affair', () => {
    const displayAt = (at: number) => recordOf({ minute: at, kind: 'display' }, at)
    const busy = stateOf([0, 20, 40, 60, 80, 100].map(displayAt))

    expect(merge([busy, stateOf([displayAt(500)])]).lastReached(displayIndex)).toBeUndefined()
    expect(merge([busy, stateOf([displayAt(25)])]).lastReached(displayIndex)).toBeDefined()
  })

  test('have the sessions of all entries, or one that may reach further back', () => {
    fc.assert(
      fc.property(
        fc.oneof(histories, closeTimes),
        fc.integer({ min: 2, max: 4 }),
        fc.nat(40),
        (all, count, after) => {
          const { whole, parts, records, timelines } = split(all, count)
          const now = Math.max(0, ...records.map(({ at }) => at)) + after * minute

          const begun = merge(parts).sessions.startAt(now)

          if (begun === whole.sessions.startAt(now)) return
          expect(begun).toBe(0)
          const most = Math.max(...timelines.map(sessionCount))
          expect(most).toBeGreaterThan(8)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('do not say when a session began that may have joined one that a fragment dropped', () => {
    const pageAt = (at: number) => recordOf({ minute: at, kind: 'page' }, at)
    const hourly = Array.from({ length: 12 }, (_, i) => pageAt(60 * i))
    const halfHours = Array.from({ length: 12 }, (_, i) => pageAt(60 * i + 30))
    const now = start + 60 * 12 * minute

    const long = merge([stateOf(hourly), stateOf(halfHours)]).sessions.startAt(now)
    const short = merge([stateOf(hourly), stateOf(halfHours.slice(-2))]).sessions.startAt(now)

    expect(long).toBe(0)
    expect(short).toBe(start + 600 * minute)
  })

  test('are the same in whatever order and grouping they are merged', () => {
    fc.assert(
      fc.property(fc.oneof(histories, bursts), fc.nat(), fc.nat(), (all, first, second) => {
        const { parts } = split(all, 4)
        const order = parts
          .map((part, i) => ({ part, place: (first * (i + 1) * 7) % 5 }))
          .toSorted((a, b) => a.place - b.place)
          .map(({ part }) => part)
        const at = second % 5

        const flat = answers(merge(parts))

        expect(answers(merge(order))).toEqual(flat)
        expect(answers(merge([merge(order.slice(0, at)), merge(order.slice(at))]))).toEqual(flat)
        expect(answers(merge([merge([merge(order.slice(0, at))]), ...order.slice(at)]))).toEqual(
          flat,
        )
      }),
      { numRuns: 300 },
    )
  })

  test('of which nothing is known may have happened at any time', () => {
    const state = stateOf([recordOf({ minute: 0, kind: 'page' }, 0)])

    const merged = FeatureState.merged(set, [state], false)

    expect(merged.isWhole).toBe(false)
    expect([merged.count(pageIndex, 0), merged.countAtLeast(pageIndex, 0)]).toEqual([undefined, 1])
    expect([merged.some(pageIndex, 0), merged.some(pageIndex, start)]).toEqual([true, undefined])
    expect(merged.last(pageIndex)).toBe(start)
  })

  test('that count as far as anybody asks are known, whatever is missing', () => {
    const pagesSeen = Array.from({ length: 9 }, (_, i) => recordOf({ minute: i, kind: 'page' }, i))

    const merged = FeatureState.merged(set, [stateOf(pagesSeen)], false)

    expect([merged.count(pageIndex, 0), merged.count(manyIndex, 0)]).toEqual([5, undefined])
  })
})

describe('features that were shortened to be handed on', () => {
  test('are exact above the oldest that is left, unknown below, and never too few', () => {
    fc.assert(
      fc.property(fc.oneof(histories, bursts), fc.integer({ min: 3, max: 20 }), (all, ringMax) => {
        const { whole, parts } = split(all, 2)
        const [home, other] = parts
        const short = restoreFeatures(set, other?.stored(ringMax))
        if (home === undefined || other === undefined || short === undefined)
          throw new TypeError('a state that was stored')

        const merged = merge([home, short])

        for (const index of [pageIndex, manyIndex, displayIndex]) {
          const capacity = set.features[index]?.capacity ?? 0
          const isShort = other.countAtLeast(index, 0) > ringMax
          for (const since of sinces) {
            const real = whole.count(index, since)
            const known = merged.count(index, since)
            if (!isShort || other.countAtLeast(index, since) < ringMax) expect(known).toBe(real)
            else expect([real, undefined]).toContain(known)
            if (merged.countAtLeast(index, since) === capacity) expect(known).toBe(capacity)
            expect([(real ?? 0) > 0, undefined]).toContain(merged.some(index, since))
          }
          expect(merged.last(index)).toBe(whole.last(index))
        }
        expect(merged.lastReached(displayIndex) ?? 0).toBeGreaterThanOrEqual(
          whole.lastReached(displayIndex) ?? 0,
        )
      }),
      { numRuns: 1_000 },
    )
  })
})

test('of what was not shortened the whole past is known', () => {
  const pagesSeen = Array.from({ length: 9 }, (_, i) => recordOf({ minute: i, kind: 'page' }, i))
  const short = restoreFeatures(set, stateOf(pagesSeen).stored(3))
  if (short === undefined) throw new TypeError('a state that was stored')

  const merged = merge([stateOf([]), short])

  expect([merged.count(manyIndex, -1), merged.count(displayIndex, -1)]).toEqual([undefined, 0])
})

/** Sessions of records in any order. */
function sessionCount(records: readonly (EventRecord | OutcomeRecord)[]): number {
  const times = records.map(({ at }) => at).toSorted((a, b) => a - b)
  return times.filter((at, i) => i === 0 || at - (times[i - 1] ?? 0) > sessionGapMs).length
}
