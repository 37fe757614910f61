import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { decodeTrusted, type EventRecord, encode, type Value } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { needs, referenceData, referenceFolder } from '../../../../deploy/test/requirements.ts'
import { compileValue, type Scope } from '../../../src/core/condition/compile.ts'
import { type Feature, FeatureSet } from '../../../src/core/features/feature-set.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { sessionGapMs } from '../../../src/core/features/sessions.ts'
import { restoreFeatures } from '../../../src/core/features/stored-features.ts'
import { compareIds } from '../../../src/core/fragment/entry.ts'
import { mergeParts } from '../../../src/core/profile/merged-profile.ts'
import type { Part } from '../../../src/core/profile/part.ts'
import { parseCel } from '../../../src/playbook/cel.ts'
import { ConditionChecker } from '../../../src/playbook/condition-checker.ts'
import type { Schema } from '../../../src/playbook/condition-schema.ts'
import { FeatureRegistry } from '../../../src/playbook/feature-registry.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { anon, event, start } from '../../support/records.ts'
import { keyOf, SplitPerson } from '../profile/split-person.ts'

const minute = 60_000
const hour = 60 * minute
const now = start + 1_000 * minute

const schema: Schema = {
  events: new Map([
    ['page', new Map([['path', 'string'] as const, ['seconds', 'number'] as const])],
    ['cart', new Map()],
    ['buy', new Map([['price', 'number'] as const])],
  ]),
  traits: new Map(),
  facts: new Map(),
  experiments: new Map(),
}

type Events = readonly EventRecord[]

const since = (events: Events, ms: number, name?: string) =>
  events.filter((one) => one.at > now - ms && (name === undefined || one.name === name))
const numbers = (events: Events, field: string) =>
  events.flatMap(({ properties }) => {
    const value = properties[field]
    return typeof value === 'number' ? [value] : []
  })
const added = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0)
const isLong = ({ properties: { seconds } }: EventRecord) =>
  typeof seconds === 'number' && seconds > 5
const newest = (events: Events) =>
  events.toSorted((a, b) => a.at - b.at || compareIds(a.id, b.id)).at(-1)

interface OracleStep {
  readonly is: (one: EventRecord) => boolean
  readonly times: number
  readonly withinMs: number
}

/** Every time at which the steps may be done, by trying all. */
function doneTimes(events: Events, steps: readonly OracleStep[], after?: number): number[] {
  const [step, ...rest] = steps
  if (step === undefined) return after === undefined ? [] : [after]
  const matching = events.filter((one) => step.is(one) && one.at > (after ?? 0))
  const times = matching.map(({ at }) => at).sort((a, b) => a - b)
  return [...new Set(times)].flatMap((at) => {
    const upTo = times.filter((one) => one <= at)
    const first = upTo[upTo.length - step.times]
    if (first === undefined || at - (after ?? first) >= step.withinMs) return []
    return doneTimes(events, rest, at)
  })
}

const pages = (times: number, withinMs: number, is = (_one: EventRecord) => true): OracleStep => ({
  is: (one) => one.name === 'page' && is(one),
  times,
  withinMs,
})
const cart: OracleStep = { is: ({ name }) => name === 'cart', times: 1, withinMs: hour }

/** The session that is open now: its times, oldest first. */
function openSession(events: Events): number[] {
  const times = events.map(({ at }) => at).sort((a, b) => b - a)
  const session: number[] = []
  let from = now
  for (const at of times) {
    if (from - at > sessionGapMs) break
    session.unshift(at)
    from = at
  }
  return session
}

/** Condition, and what it says, counted the plain way. */
const measures: { readonly [text: string]: (events: Events) => Value | undefined } = {
  'sum("buy", "price", "5h")': (all) => added(numbers(since(all, 5 * hour, 'buy'), 'price')),
  'min("buy", "price", "5h")': (all) => least(numbers(since(all, 5 * hour, 'buy'), 'price')),
  'max("page", "seconds", "2h")': (all) => most(numbers(since(all, 2 * hour, 'page'), 'seconds')),
  'sum("page", "seconds", "9h", p, p.seconds > 5)': (all) =>
    added(numbers(since(all, 9 * hour, 'page').filter(isLong), 'seconds')),
  'count("page", "9h", p, p.seconds > 5)': (all) =>
    since(all, 9 * hour, 'page').filter(isLong).length,
  'count("page", "15m")': (all) => since(all, 15 * minute, 'page').length,
  'count("page", "9h") >= 4': (all) => since(all, 9 * hour, 'page').length >= 4,
  'count("page", "9h") > count("page", "15m")': (all) =>
    since(all, 9 * hour, 'page').length > since(all, 15 * minute, 'page').length,
  'distinct("page", "path", "3h")': (all) => different(since(all, 3 * hour, 'page')).size,
  'distinct("page", "path", "9h") >= 3': (all) => different(since(all, 9 * hour, 'page')).size >= 3,
  'distinct("page", "path", "9h") == 2': (all) =>
    different(since(all, 9 * hour, 'page')).size === 2,
  'affinity("page", "path", "/b", "2h")': (all) =>
    added(
      all
        .filter(({ name, properties }) => name === 'page' && properties.path === '/b')
        .map(({ at }) => 2 ** ((at - now) / (2 * hour))),
    ),
  'favourite("page", "path", "2h")': (all) => {
    const sums = new Map<string, number>()
    for (const { name, at, properties } of all.toSorted((a, b) => a.at - b.at))
      if (name === 'page' && typeof properties.path === 'string')
        sums.set(properties.path, (sums.get(properties.path) ?? 0) + 2 ** ((at - now) / (2 * hour)))
    return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0]
  },
  'sequence("8h", step("page", 3, "10m"), step("cart"))': (all) =>
    doneTimes(since(all, 8 * hour), [
      pages(3, 10 * minute),
      { ...cart, withinMs: Number.POSITIVE_INFINITY },
    ]).length > 0,
  'sequence("8h", step("page", 2, "30m", p, p.seconds > 5), step("cart", "1h"), step("page", 2, "20m"))':
    (all) =>
      doneTimes(since(all, 8 * hour), [pages(2, 30 * minute, isLong), cart, pages(2, 20 * minute)])
        .length > 0,
  'sequence("8h", step("page"), step("cart", "1h"), without("buy"))': (all) => {
    const done = most(doneTimes(since(all, 8 * hour), [pages(1, Number.POSITIVE_INFINITY), cart]))
    return done !== undefined && !all.some(({ name, at }) => name === 'buy' && at > done)
  },
  'sequence("8h", step("page"), step("cart", "1h"), without("buy", "3h"))': (all) =>
    doneTimes(since(all, 8 * hour), [pages(1, Number.POSITIVE_INFINITY), cart]).length > 0 &&
    since(all, 3 * hour, 'buy').length === 0,
  'current("page")': (all) => newest(all)?.name === 'page',
  'current("page", p, p.path == "/b")': (all) => {
    const last = newest(all)
    return last?.name === 'page' && last.properties.path === '/b'
  },
  'latest("page", "path", p, p.seconds > 5)': (all) => {
    const saying = all.filter((one) => isLong(one) && typeof one.properties.path === 'string')
    return newest(saying)?.properties.path
  },
  'latest("buy", "price")': (all) =>
    newest(all.filter(({ properties: { price } }) => typeof price === 'number'))?.properties.price,
  'event.name': (all) => newest(all)?.name,
  'session.events': (all) => openSession(all).length,
  'session.minutes': (all) => (now - (openSession(all)[0] ?? now)) / minute,
  'stage("5h", "4h")': (all) => {
    const times = all.map(({ at }) => at)
    const [first, last] = [least(times), most(times)]
    if (first === undefined || last === undefined) return 'new'
    if (now - last >= 4 * hour) return 'lapsed'
    return now - first >= 5 * hour ? 'active' : 'new'
  },
  'now.hour + now.weekday * 100': () => {
    const local = new Date(now + 5.5 * hour)
    return local.getUTCHours() + ((local.getUTCDay() + 6) % 7) * 100 + 100
  },
}

function least(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values)
}

function most(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values)
}

function different(events: Events): Set<unknown> {
  return new Set(
    events.flatMap(({ properties: { path } }) => (typeof path === 'string' ? [path] : [])),
  )
}

const registry = new FeatureRegistry()
const checker = new ConditionChecker(schema, registry)
const compiled = Object.keys(measures).map((text) => ({
  text,
  value: compileValue(checker.value(parseCel(text)).expression),
  oracle: measures[text] ?? (() => undefined),
}))
const set = registry.finish(new Map(), new Map())
/** The same with little memory, so that it runs over. */
const tight = new FeatureSet(
  set.features.map((one): Feature => ({ ...one, capacity: Math.min(one.capacity, 4) })),
  new Map(),
  new Map(),
)

function scopeOf(features: FeatureState): Scope {
  return {
    traits: null,
    features,
    now,
    calendar: new ZoneCalendar(),
    zone: 'Asia/Kolkata',
    channel: 'web',
    placement: 'hero',
    item: null,
    fact: () => undefined,
    arm: () => undefined,
  }
}

const minutes = fc.oneof(fc.nat(60), fc.nat(300), fc.nat(1_000))
const happenings = fc.record({
  ago: minutes,
  name: fc.constantFrom('page', 'page', 'page', 'cart', 'buy'),
  path: fc.constantFrom('/a', '/b', '/c', '/d', 5, undefined),
  seconds: fc.oneof(fc.nat(10), fc.constant(undefined)),
  price: fc.oneof(fc.nat(90), fc.constant(0.1), fc.constant('much')),
  place: fc.nat(5),
})
type Happening = typeof happenings extends fc.Arbitrary<infer T> ? T : never
const histories = fc.array(happenings, { maxLength: 30 })
const counts = fc.integer({ min: 1, max: 4 })

function recordOf({ ago, name, path, seconds, price }: Happening, i: number): EventRecord {
  const properties =
    name === 'page'
      ? { ...(path !== undefined && { path }), ...(seconds !== undefined && { seconds }) }
      : name === 'buy'
        ? { price }
        : {}
  return event(keyOf(0), `e${i}`, now - ago * minute, properties, name)
}

/** Somebody looks at them half-way, so that features are kept from then on. */
function personOf(all: readonly Happening[], count: number, of: FeatureSet): SplitPerson {
  const person = new SplitPerson(count)
  all.forEach((one, i) => {
    if (i === all.length >> 1) person.parts(of)
    person.take(recordOf(one, i), one.place)
  })
  return person
}

function expectSame(text: string, value: unknown, expected: unknown): void {
  if (typeof expected === 'number') expect(value, text).toBeCloseTo(expected, 5)
  else expect(value, text).toBe(expected)
}

describe('what conditions say of events', () => {
  test('is what the whole history says, in one fragment or in several', () => {
    fc.assert(
      fc.property(histories, counts, (all, count) => {
        const person = personOf(all, count, set)
        const records = all.map(recordOf)
        const whole = scopeOf(mergeParts([person.wholePart(set)], set).features)
        const merged = scopeOf(mergeParts(person.parts(set), set).features)

        for (const { text, value, oracle } of compiled) {
          expectSame(text, value(whole), oracle(records))
          expectSame(text, value(merged), oracle(records))
        }
      }),
      { numRuns: 6_000 },
    )
  }, 180_000)

  test('is exact or unknown where more happened than is kept, the same for all fragments together', () => {
    fc.assert(
      fc.property(histories, counts, (all, count) => {
        const person = personOf(all, count, tight)
        const records = all.map(recordOf)
        const whole = scopeOf(mergeParts([person.wholePart(tight)], tight).features)
        const merged = scopeOf(mergeParts(person.parts(tight), tight).features)

        for (const { text, value, oracle } of compiled) {
          if (text.startsWith('count') || text.startsWith('session')) continue
          const told = value(whole)
          if (told !== undefined) expectSame(text, told, oracle(records))
          expectSame(text, value(merged), told)
        }
      }),
      { numRuns: 2_000 },
    )
  }, 180_000)

  test('is known wherever the window begins after the oldest event that is kept', () => {
    const sum = compiled.find(({ text }) => text.startsWith('sum("buy"'))
    const buy = (ago: number, i: number) =>
      event(anon(1), `b${i}`, now - ago * minute, { price: 10 }, 'buy')
    const told = (agos: readonly number[]) => {
      const state = new FeatureState(tight)
      for (const one of agos.map(buy)) state.update(one.at, one)
      return sum?.value(scopeOf(state))
    }

    expect(told([900, 300, 200, 100])).toBe(20)
    expect(told([900, 800, 299, 200, 100])).toBe(30)
    expect(told([900, 299, 200, 100, 50])).toBeUndefined()
  })

  test('is unknown where more happened than a count tells apart, not a smaller number', () => {
    const state = new FeatureState(set)
    for (let i = 0; i < 1_500; i++)
      state.update(now - i * 1_000, event(anon(1), `p${i}`, now - i * 1_000, { seconds: 9 }))
    const told = (text: string) => compiled.find((one) => one.text === text)?.value(scopeOf(state))

    expect(told('count("page", "9h", p, p.seconds > 5)')).toBeUndefined()
    expect(told('session.events')).toBeUndefined()
    expect(told('count("page", "15m")')).toBe(900)
    expect(told('count("page", "9h") >= 4')).toBe(true)
    expect(told('count("page", "9h") > count("page", "15m")')).toBeUndefined()
  })

  test('does not depend on the order of parts, nor on how they are grouped', () => {
    fc.assert(
      fc.property(histories, fc.nat(), fc.nat(4), (all, seed, at) => {
        const states = personOf(all, 4, tight)
          .parts(tight)
          .flatMap(({ features }) => (features === null ? [] : [features]))
        const order = states
          .map((state, i) => ({ state, place: ((seed + 1) * (i + 3) * 31) % 17 }))
          .toSorted((a, b) => a.place - b.place)
          .map(({ state }) => state)
        const merge = (parts: readonly FeatureState[]) => FeatureState.merged(tight, parts, true)
        const answers = (state: FeatureState) => compiled.map(({ value }) => value(scopeOf(state)))

        const flat = answers(merge(states))

        expect(answers(merge(order))).toEqual(flat)
        expect(answers(merge([merge(order.slice(0, at)), merge(order.slice(at))]))).toEqual(flat)
      }),
      { numRuns: 300 },
    )
  })

  test('is right or unknown where a fragment is not known, or was shortened to be handed on', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 6 }), (all, ringMax) => {
        const person = personOf(all, 2, set)
        const records = all.map(recordOf)
        const [home, other] = person.parts(set)
        if (home === undefined || other === undefined) throw new RangeError('two parts')
        const lacking: readonly Part[] = [home, { ...other, features: null }]
        const short = FeatureState.merged(
          set,
          [home.features, shortened(other.features, ringMax)].filter((one) => one !== null),
          true,
        )

        for (const scope of [scopeOf(mergeParts(lacking, set).features), scopeOf(short)])
          for (const { text, value, oracle } of compiled) {
            const told = value(scope)
            if (told !== undefined) expectSame(text, told, oracle(records))
          }
      }),
      { numRuns: 500 },
    )
  })
})

function shortened(state: FeatureState | null, ringMax: number): FeatureState | null {
  return state && (restoreFeatures(set, decodeTrusted(encode(state.stored(ringMax)))) ?? null)
}

describe('the recorded traffic', needs(referenceData), () => {
  test('gives the same sums, different values, affinities and sequences as counting its lines', () => {
    const visits = readVisits()
    const end = Math.max(...visits.map(({ at }) => at))
    const log = new FeatureRegistry()
    const logChecker = new ConditionChecker({ ...schema, events: logEvents }, log)
    const [bytes, paths, liking, steps] = logConditions.map((text) =>
      compileValue(logChecker.value(parseCel(text)).expression),
    )
    const logSet = log.finish(new Map(), new Map())
    const states = new Map<string, FeatureState>()
    for (const visit of visits) {
      const state = states.get(visit.key) ?? new FeatureState(logSet)
      states.set(visit.key, state)
      state.update(visit.at, visit)
    }

    for (const [key, state] of states) {
      const scope = { ...scopeOf(state), now: end }
      const own = visits.filter((one) => one.key === key)
      const recent = own.filter(({ at }) => at > end - dayMs)
      const sum = added(numbers(recent, 'bytes'))
      const kept = own.filter(({ properties }) => typeof properties.bytes === 'number').length
      const isShort = kept >= 256 && recent.length > 0
      expect([sum, ...(isShort ? [undefined] : [])]).toContain(bytes?.(scope))
      expect(paths?.(scope)).toBe(different(recent).size >= 5)
      const root = own.filter(({ properties }) => properties.path === '/')
      expectSame(
        'affinity',
        liking?.(scope),
        added(root.map(({ at }) => 2 ** ((at - end) / dayMs))),
      )
      const all = { is: () => true, times: 3, withinMs: 10 * minute }
      const done = doneTimes(recent.slice(-40), [all, { ...all, times: 1, withinMs: hour }])
      if (recent.length <= 40) expect(steps?.(scope)).toBe(done.length > 0)
    }
    expect(states.size).toBeGreaterThan(1_000)
  })
})

const dayMs = 24 * hour
const logEvents = new Map([
  ['page', new Map([['path', 'string'] as const, ['bytes', 'number'] as const])],
])
const logConditions = [
  'sum("page", "bytes", "1d")',
  'distinct("page", "path", "1d") >= 5',
  'affinity("page", "path", "/", "1d")',
  'sequence("1d", step("page", 3, "10m"), step("page", "1h"))',
]

const lineForm = /^(\S+) \S+ \S+ \[(\d+)\/(\w+)\/(\d+):([\d:]+) \+0000\] "\S+ (\S+)[^"]*" \d+ (\S+)/
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

function readVisits(): EventRecord[] {
  const accessLog = join(referenceFolder, 'data', 'apache-access.log.gz')
  return gunzipSync(readFileSync(accessLog))
    .toString('latin1')
    .split('\n')
    .flatMap((line, i) => {
      const [, address, day, month = '', year, time, path = '', bytes] = lineForm.exec(line) ?? []
      if (address === undefined) return []
      const number = String(months.indexOf(month) + 1).padStart(2, '0')
      const at = Date.parse(`${year}-${number}-${day}T${time}Z`)
      const size = Number(bytes)
      const properties = { path, ...(Number.isFinite(size) && { bytes: size }) }
      return [event(anon(address), `line:${i}`, at, properties)]
    })
}
