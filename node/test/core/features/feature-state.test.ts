import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { EventRecord, OutcomeRecord } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { needs, referenceData, referenceFolder } from '../../../../deploy/test/requirements.ts'
import {
  type EventFeature,
  FeatureSet,
  type OutcomeFeature,
} from '../../../src/core/features/feature-set.ts'
import type { FeatureState } from '../../../src/core/features/feature-state.ts'
import { sessionGapMs } from '../../../src/core/features/sessions.ts'
import { compareIds, identityOf } from '../../../src/core/fragment/entry.ts'
import { featuresOf, readTimeline, sessionsOf } from '../../../src/core/fragment/timeline.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { anon, batch, event, start } from '../../support/records.ts'

const key = anon(1)
const minute = 60_000
const end = start + 10_000 * minute

const pages: EventFeature = { kind: 'event', event: 'page', capacity: 5, text: 'page' }
const dear: EventFeature = {
  kind: 'event',
  event: 'buy',
  matches: ({ price }) => (typeof price === 'number' ? price > 50 : undefined),
  capacity: 3,
  text: 'buy over 50',
}
const displays: OutcomeFeature = {
  kind: 'outcome',
  outcome: 'display',
  scope: 'offer',
  of: 'card',
  capacity: 4,
  reach: { max: 3, withinMs: 30 * minute },
  text: 'display of card',
}
const ofGroup: OutcomeFeature = {
  kind: 'outcome',
  outcome: 'display',
  scope: 'group',
  of: 'credit',
  capacity: 6,
  text: 'display in credit',
}
const ofAll: OutcomeFeature = {
  kind: 'outcome',
  outcome: 'accept',
  scope: 'all',
  of: '',
  capacity: 1,
  text: 'accept of anything',
}
const ofCancel: OutcomeFeature = {
  kind: 'outcome',
  outcome: 'cancel',
  scope: 'offer',
  of: 'card',
  capacity: 2,
  text: 'cancel of card',
}
const features = [pages, dear, displays, ofGroup, ofAll, ofCancel] as const
const groups = new Map([
  ['card', 'credit'],
  ['loan', 'credit'],
])
const set = new FeatureSet(features, groups, new Map())

/** What happened, without anything that is not counted. */
type Happened =
  | { readonly minute: number; readonly name: 'page' | 'buy'; readonly price: number | undefined }
  | {
      readonly minute: number
      readonly outcome: 'display' | 'click' | 'accept' | 'reject' | 'cancel'
      readonly offer: 'card' | 'loan' | 'flight'
      readonly decision: number
    }

const minutes = fc.oneof(fc.nat(240), fc.nat(5_000))
const happened: fc.Arbitrary<Happened> = fc.oneof(
  fc.record({
    minute: minutes,
    name: fc.constantFrom('page', 'buy'),
    price: fc.oneof(fc.nat(100), fc.constant(undefined)),
  }),
  fc.record({
    minute: minutes,
    outcome: fc.constantFrom('display', 'display', 'click', 'accept', 'reject', 'cancel'),
    offer: fc.constantFrom('card', 'card', 'loan', 'flight'),
    decision: fc.oneof(fc.nat(5), fc.nat(1_000)),
  }),
)

function recordOf(one: Happened, i: number): EventRecord | OutcomeRecord {
  const at = start + one.minute * minute
  if ('name' in one) {
    const properties = one.price === undefined ? {} : { price: one.price }
    return event(key, `e${i}`, at, properties, one.name)
  }
  return {
    kind: 'outcome',
    id: `o${i}`,
    key,
    at,
    decision: `d${one.decision}`,
    placement: 'hero',
    offer: one.offer,
    treatment: 't',
    ...(one.outcome === 'cancel'
      ? { outcome: 'reject', reason: 'cancel' }
      : { outcome: one.outcome }),
  }
}

/** Times at which a feature matches, oldest first, counted the plain way. */
function timesOf(
  feature: (typeof features)[number],
  reported: readonly (EventRecord | OutcomeRecord)[],
): number[] {
  const records = distinct(reported)
  const matching = records.filter((record) => {
    if (feature.kind === 'event')
      return (
        record.kind === 'event' &&
        record.name === feature.event &&
        (feature.matches === undefined || feature.matches(record.properties) === true)
      )
    if (record.kind !== 'outcome' || !isCountedAs(feature.outcome, record, records)) return false
    if (feature.scope === 'offer') return record.offer === feature.of
    return feature.scope === 'all' || groups.get(record.offer) === feature.of
  })
  return matching.map(({ at }) => at).sort((a, b) => a - b)
}

/** What was reported of a proposition before changes nothing. */
function distinct(
  records: readonly (EventRecord | OutcomeRecord)[],
): readonly (EventRecord | OutcomeRecord)[] {
  const known = new Map(records.toReversed().map((record) => [identityOf(record), record]))
  return records.filter((record) => known.get(identityOf(record)) === record)
}

function isCountedAs(
  counted: OutcomeFeature['outcome'],
  record: OutcomeRecord,
  records: readonly (EventRecord | OutcomeRecord)[],
): boolean {
  if (counted === 'cancel') return record.reason === 'cancel'
  if (counted !== 'display') return record.outcome === counted
  const ofProposition = records
    .filter((other) => other.kind === 'outcome')
    .filter(({ outcome }) => outcome !== 'reject')
    .filter(({ decision, offer }) => decision === record.decision && offer === record.offer)
    .sort((a, b) => a.at - b.at || compareIds(identityOf(a), identityOf(b)))
  return ofProposition[0] === record
}

function expectExact(state: FeatureState, records: readonly (EventRecord | OutcomeRecord)[]): void {
  for (const [index, feature] of features.entries()) {
    const times = timesOf(feature, records)
    for (const since of [0, start, start + 60 * minute, start + 239 * minute, end]) {
      const count = times.filter((at) => at > since).length
      expect(state.count(index, since)).toBe(Math.min(count, feature.capacity))
    }
    expect(state.last(index)).toBe(times.at(-1))
  }
  const times = timesOf(displays, records)
  const reached = times.findLast((at, i) => i >= 2 && at - (times[i - 2] ?? 0) < 30 * minute)
  expect(state.lastReached(2)).toBe(reached)
}

describe('features', () => {
  test('are those of the timeline, whenever they were declared and however late entries came', () => {
    fc.assert(
      fc.property(fc.array(happened, { maxLength: 150 }), fc.nat(150), (all, declared) => {
        const shard = new BareShard()
        const records = all.map(recordOf)
        for (const [i, record] of records.entries()) {
          shard.take(batch(`p${i}`, 1, [record]), end)
          if (i >= declared) featuresOf(shard.activate(key), set, shard)
          if (i % 40 === declared % 40) shard.snapshot()
        }

        expectExact(featuresOf(shard.activate(key), set, shard), records)
      }),
      { numRuns: 2_000 },
    )
  }, 180_000)

  test('kept while entries come equal those computed from the timeline, to the last byte', () => {
    fc.assert(
      fc.property(fc.array(happened, { minLength: 60, maxLength: 120 }), (all) => {
        const kept = new BareShard()
        const computed = new BareShard()
        featuresOf(kept.activate(key), set, kept)
        for (const [i, record] of all.map(recordOf).entries()) {
          const bytes = batch(`p${i}`, 1, [record])
          kept.take(bytes, end)
          featuresOf(kept.activate(key), set, kept)
          computed.take(bytes, end)
        }

        const [one, other] = [kept, computed].map((shard) =>
          featuresOf(shard.activate(key), set, shard).stored(),
        )
        expect(sortedPairs(one)).toEqual(sortedPairs(other))
      }),
      { numRuns: 150 },
    )
  })

  test('of another set are computed anew', () => {
    const shard = new BareShard()
    shard.take(batch('p', 1, [event(key, 'a', start), event(key, 'b', start + minute)]), end)
    featuresOf(shard.activate(key), set, shard)
    const wider = new FeatureSet([{ ...pages, event: 'buy' }, pages], groups, new Map())

    const state = featuresOf(shard.activate(key), wider, shard)

    expect([state.count(0, 0), state.count(1, 0)]).toEqual([0, 2])
  })

  test('copied go their own way', () => {
    const shard = new BareShard()
    shard.take(batch('p', 1, [event(key, 'a', start)]), end)
    const state = featuresOf(shard.activate(key), set, shard)

    state.copy().update(start + minute, event(key, 'b', start + minute))

    expect(state.count(0, 0)).toBe(1)
  })
})

describe('sessions', () => {
  test('start where the timeline says, in whatever order entries came', () => {
    const gaps = fc.array(fc.oneof(fc.nat(29), fc.constantFrom(30, 31), fc.nat(200)), {
      minLength: 1,
      maxLength: 60,
    })
    fc.assert(
      fc.property(gaps, fc.infiniteStream(fc.nat()), fc.nat(40), (between, random, after) => {
        let at = start
        const times = between.map((gap) => {
          at += gap * minute
          return at
        })
        const order = times
          .map((time) => ({ time, place: random.next().value ?? 0 }))
          .sort((a, b) => a.place - b.place)
        const shard = new BareShard()
        featuresOf(shard.activate(key), set, shard)
        for (const [i, { time }] of order.entries()) {
          shard.take(batch(`p${i}`, 1, [event(key, `e${i}`, time)]), end)
          // Now and then somebody looks, so that features are kept from then on.
          if (i % 7 === 0) featuresOf(shard.activate(key), set, shard)
        }

        const now = at + after * minute
        const { sessions } = featuresOf(shard.activate(key), set, shard)
        const last = sessionsOf(readTimeline(shard.activate(key), shard)).at(-1)
        const isOpen = last !== undefined && now - last.end <= sessionGapMs
        expect(sessions.startAt(now)).toBe(isOpen ? last.start : now)
        expect(last?.start).toBe(newestSession(times))
      }),
      { numRuns: 200 },
    )
  })

  test('end after a gap of more than 30 minutes', () => {
    const entryAt = (at: number) => ({ at, record: event(key, `e${at}`, at) })
    const times = [0, 30, 60, 90.001, 200].map((one) => start + Math.round(one * minute))

    expect(sessionsOf(times.map(entryAt))).toEqual([
      { start, end: start + 60 * minute, events: 3 },
      { start: times[3], end: times[3], events: 1 },
      { start: times[4], end: times[4], events: 1 },
    ])
    expect(sessionsOf([])).toEqual([])
  })
})

describe('the access log', needs(referenceData), () => {
  test('gives the same counts and sessions as counting its lines', () => {
    const visits = readVisits()
    const shard = new BareShard()
    const now = Math.max(...visits.map(({ at }) => at))
    const wanted = new FeatureSet([{ ...pages, capacity: 1_024 }], groups, new Map())
    for (const { key: visitor } of visits) featuresOf(shard.activate(visitor), wanted, shard)
    for (let i = 0; i < visits.length; i += 500)
      shard.take(batch('import:log', i + 1, visits.slice(i, i + 500)), now)

    for (const visitor of new Set(visits.map((one) => one.key))) {
      const times = visits.filter((one) => one.key === visitor).map(({ at }) => at)
      times.sort((a, b) => a - b)
      const fragment = shard.activate(visitor)
      const state = featuresOf(fragment, wanted, shard)
      for (const hours of [1, 24, 1_000]) {
        const since = now - hours * 60 * minute
        expect(state.count(0, since)).toBe(times.filter((at) => at > since).length)
      }
      expect(state.sessions.startAt(times.at(-1) ?? 0)).toBe(newestSession(times))
      expect(sessionsOf(readTimeline(fragment, shard)).length).toBe(
        1 + times.filter((at, i) => i > 0 && at - (times[i - 1] ?? 0) > sessionGapMs).length,
      )
    }
    expect(shard.letters).toEqual([])
  })
})

/** Start of the newest session of sorted times. */
function newestSession(times: readonly number[]): number | undefined {
  let first = times.at(-1)
  for (const at of times.toReversed())
    if (first !== undefined && first - at <= sessionGapMs) first = at
  return first
}

function sortedPairs(stored: readonly unknown[] | undefined): unknown {
  return stored?.map((part) =>
    Array.isArray(part) && part.every((one) => Array.isArray(one) && one.length === 2)
      ? part.toSorted((a, b) => Number(a[0]) - Number(b[0]))
      : part,
  )
}

const lineForm = /^(\S+) \S+ \S+ \[(\d+)\/(\w+)\/(\d+):([\d:]+) \+0000\]/
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

function readVisits(): EventRecord[] {
  const accessLog = join(referenceFolder, 'data', 'apache-access.log.gz')
  return gunzipSync(readFileSync(accessLog))
    .toString('latin1')
    .split('\n')
    .flatMap((line, i) => {
      const [, address, day, month = '', year, time] = lineForm.exec(line) ?? []
      if (address === undefined) return []
      const number = String(months.indexOf(month) + 1).padStart(2, '0')
      const at = Date.parse(`${year}-${number}-${day}T${time}Z`)
      return [event(anon(address), `line:${i}`, at)]
    })
}
