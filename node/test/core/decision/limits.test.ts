import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { dayMs, hourMs, minuteMs, noon, Person } from './person.ts'

const offers = ['a', 'b', 'c'] as const
const placements = ['hero', 'side', 'call'] as const
const channelOf = { hero: 'web', side: 'web', call: 'phone' } as const
const groupOf = { a: 'g', b: 'g', c: 'h' } as const
const kinds = ['display', 'click', 'dismiss', 'accept', 'reject'] as const
const zones = [
  'UTC',
  'Europe/London',
  'America/New_York',
  'America/Havana',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Africa/Cairo',
  'Australia/Lord_Howe',
  'Pacific/Apia',
]

interface LimitUnderTest {
  readonly on: (typeof kinds)[number]
  readonly max: number
  readonly per: string
  readonly across: 'offer' | 'group' | 'placement' | 'channel' | 'all'
  readonly pause: string | undefined
}

interface Happening {
  /** Which outcome report: equal numbers are the same report again. */
  readonly decision: number
  readonly outcome: (typeof kinds)[number]
  readonly offer: (typeof offers)[number]
  readonly placement: (typeof placements)[number]
  readonly at: number
}

/** Where a visitor is, and where they were until when. */
interface Whereabouts {
  readonly zone: string
  readonly former: string
  readonly until: number
}

const durations: { readonly [text: string]: number } = {
  '20m': 20 * minuteMs,
  '6h': 6 * hourMs,
  '2d': 2 * dayMs,
}

function playbookWith({ on, max, per, across, pause }: LimitUnderTest) {
  const limit = `{ on: ${on}, max: ${max}, per: ${per}, across: ${across}${pause ? `, pause: ${pause}` : ''} }`
  return compilePlaybook(
    `
playbook: limits
zone: Asia/Tokyo
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: {} }
  side: { channel: web, format: banner, fallback: {} }
  call: { channel: phone, format: banner, fallback: {} }
groups: { g: {}, h: {} }
offers:
  a: { group: g, priority: 1, accepted: allow, rejected: allow, limits: [${limit}], treatments: { banner: {} } }
  b: { group: g, accepted: allow, rejected: allow, treatments: { other: {} } }
  c: { group: h, accepted: allow, rejected: allow, treatments: { other: {} } }
`.replaceAll('other', 'banner'),
  )
}

/** What the limit says of offer `a` at `hero`, from the whole history and by counting. */
function isBlocked(
  limit: LimitUnderTest,
  history: readonly Happening[],
  where: Whereabouts,
  now: number,
) {
  const distinct = history.filter(
    (one, index) => history.findIndex((other) => identity(other) === identity(one)) === index,
  )
  const counted = countedIn(limit, distinct).filter((one) => isCounted(one, limit.across))
  const times = counted.map(({ at }) => at).sort((x, y) => x - y)
  const { max, pause } = limit
  if (pause !== undefined) {
    const within = durations[limit.per] ?? Number.POSITIVE_INFINITY
    return times.some(
      (at, i) =>
        i >= max - 1 &&
        (max === 1 || at - (times[i - max + 1] ?? 0) < within) &&
        now - at < (durations[pause] ?? 0),
    )
  }
  return times.filter((at) => isInWindow(limit.per, at, now, where, distinct)).length >= max
}

/** The first of what only somebody can report who saw it is a proposition's display. */
function countedIn({ on }: LimitUnderTest, distinct: readonly Happening[]): readonly Happening[] {
  if (on !== 'display') return distinct.filter(({ outcome }) => outcome === on)
  const shown = distinct.filter(({ outcome }) => ['display', 'click', 'accept'].includes(outcome))
  return shown.filter((one) =>
    shown.every((other) => propositionOf(other) !== propositionOf(one) || isFirst(one, other)),
  )
}

function isFirst(one: Happening, other: Happening): boolean {
  return one.at < other.at || (one.at === other.at && identity(one) <= identity(other))
}

function propositionOf({ decision, placement, offer }: Happening): string {
  return `${decision} ${placement} ${offer}`
}

function identity({ decision, placement, offer, outcome }: Happening): string {
  return `${decision} ${placement} ${offer} ${outcome}`
}

function isCounted({ offer, placement }: Happening, across: LimitUnderTest['across']): boolean {
  switch (across) {
    case 'offer':
      return offer === 'a'
    case 'group':
      return groupOf[offer] === 'g'
    case 'placement':
      return placement === 'hero'
    case 'channel':
      return channelOf[placement] === 'web'
    case 'all':
      return true
  }
}

function isInWindow(
  per: string,
  at: number,
  now: number,
  where: Whereabouts,
  all: readonly Happening[],
): boolean {
  switch (per) {
    case 'lifetime':
      return true
    case 'session':
      return (
        at >=
        sessionStart(
          all.map((one) => one.at),
          now,
        )
      )
    case 'day':
    case 'week':
    case 'month':
      return isInPeriod(per, at, now, where)
    default:
      return now - at < (durations[per] ?? 0)
  }
}

function sessionStart(times: readonly number[], now: number): number {
  let start = now
  for (const at of times.toSorted((x, y) => y - x)) {
    if (start - at > 30 * minuteMs) break
    start = at
  }
  return start
}

/** The period of a change of zone goes on until it has ended in both zones. */
function isInPeriod(
  unit: 'day' | 'week' | 'month',
  at: number,
  now: number,
  { zone, former, until }: Whereabouts,
): boolean {
  const isOver = [zone, former].every((one) => period(unit, now, one) > period(unit, until, one))
  return isOver
    ? period(unit, at, zone) === period(unit, now, zone)
    : period(unit, at, former) >= period(unit, until, former)
}

/** A number for the calendar period, by the date on the wall and nothing else. */
function period(unit: 'day' | 'week' | 'month', at: number, zone: string): number {
  const date = new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format(at)
  if (unit === 'month') return Number(date.slice(0, 7).replace('-', ''))
  const day = Date.parse(date) / dayMs
  return unit === 'day' ? day : Math.floor((day + 3) / 7)
}

/** Around changes of clocks, of months and of weeks. */
const moments = [
  noon,
  Date.UTC(2025, 2, 30, 1),
  Date.UTC(2025, 9, 26, 1),
  Date.UTC(2025, 10, 2, 5),
  Date.UTC(2018, 10, 4, 3),
  Date.UTC(2025, 3, 24, 22),
  Date.UTC(2025, 0, 1),
]

const limits: fc.Arbitrary<LimitUnderTest> = fc
  .record({
    on: fc.constantFrom(...kinds),
    max: fc.integer({ min: 1, max: 4 }),
    per: fc.constantFrom('day', 'week', 'month', 'session', 'lifetime', ...Object.keys(durations)),
    across: fc.constantFrom('offer', 'group', 'placement', 'channel', 'all'),
    pause: fc.option(fc.constantFrom(...Object.keys(durations)), { nil: undefined }),
  })
  .filter(
    ({ max, per, pause }) =>
      pause === undefined || max === 1 || per === 'lifetime' || durations[per] !== undefined,
  )

const histories = (now: number): fc.Arbitrary<Happening[]> =>
  fc.array(
    fc.record({
      decision: fc.integer({ min: 0, max: 9 }),
      outcome: fc.constantFrom('display', 'display', ...kinds),
      offer: fc.constantFrom('a', 'a', ...offers),
      placement: fc.constantFrom('hero', 'hero', ...placements),
      at: fc.oneof(
        fc.integer({ min: 0, max: 40 }).map((n) => now - n * 10 * minuteMs),
        fc.integer({ min: 0, max: 60 }).map((n) => now - n * 12 * hourMs - n),
      ),
    }),
    { maxLength: 40 },
  )

interface Case {
  readonly limit: LimitUnderTest
  readonly history: readonly Happening[]
  /** Undefined: the one of the playbook. */
  readonly zone: string | undefined
  readonly change: { readonly to: string; readonly minutesAgo: number } | undefined
  readonly now: number
  readonly pendingCount: number
  /** Whether somebody decides before anything happens. */
  readonly early: boolean
}

function checkAgainstHistory(one: Case): void {
  const { limit, zone, change, now, pendingCount, early, history } = one
  const visitor = new Person(playbookWith(limit))
  const until = now - (change?.minutesAgo ?? 0) * minuteMs
  const first = Math.min(...history.map(({ at }) => at), until)
  if (zone !== undefined) visitor.fold(visitor.traits({ zone }, first - 100 * dayMs))
  if (change !== undefined) visitor.fold(visitor.traits({ zone: change.to }, until))
  // A decision before makes the features exist, so that the fold keeps them from then on.
  if (early) visitor.shown('hero', first)
  const records = history.map(({ decision, outcome, offer, placement, at }) => ({
    ...visitor.outcome(outcome, offer, placement, at),
    decision: `d${decision}`,
  }))
  const folded = records.length - Math.min(pendingCount, records.length)
  visitor.fold(...records.slice(0, folded))

  const shown = visitor.shown('hero', now, records.slice(folded))

  const former = zone ?? 'Asia/Tokyo'
  const where = { zone: change?.to ?? former, former, until }
  expect(shown[0] === 'a').toBe(!isBlocked(limit, history, where, now))
}

describe('a limit', () => {
  it('counts exactly as the whole history says, in any order, twice reported, folded or pending', () => {
    const cases = fc
      .record({
        limit: limits,
        zone: fc.option(fc.constantFrom(...zones), { nil: undefined }),
        now: fc
          .tuple(fc.constantFrom(...moments), fc.integer({ min: -30, max: 30 }))
          .map(([moment, hours]) => moment + hours * hourMs + 1),
        pendingCount: fc.integer({ min: 0, max: 5 }),
        early: fc.boolean(),
      })
      .chain((one) => histories(one.now).map((history) => ({ ...one, history })))

    fc.assert(
      fc.property(cases, (one) => checkAgainstHistory({ ...one, change: undefined })),
      { numRuns: 1_000 },
    )
  }, 60_000)

  it('counts exactly as the whole history says where the visitor goes to another zone', () => {
    const cases = fc
      .record({
        per: fc.constantFrom('day', 'week', 'month'),
        zone: fc.option(fc.constantFrom(...zones), { nil: undefined }),
        change: fc.record({
          to: fc.constantFrom(...zones),
          minutesAgo: fc.oneof(fc.nat(30 * 60), fc.nat(40 * 24 * 60)),
        }),
        now: fc
          .tuple(fc.constantFrom(...moments), fc.integer({ min: -30, max: 30 }))
          .map(([moment, hours]) => moment + hours * hourMs + 1),
        pendingCount: fc.integer({ min: 0, max: 2 }),
        early: fc.boolean(),
        minutesBefore: fc.nat(30 * 60),
      })
      .map(({ per, minutesBefore, ...one }) => {
        const at = one.now - (one.change.minutesAgo + minutesBefore) * minuteMs
        const display = {
          decision: 1,
          outcome: 'display',
          offer: 'a',
          placement: 'hero',
          at,
        } as const
        const limit = { on: 'display', max: 1, per, across: 'offer', pause: undefined } as const
        return { ...one, limit, history: [display] }
      })

    fc.assert(fc.property(cases, checkAgainstHistory), { numRuns: 500 })
  }, 60_000)

  it('begins a pause with a late report that the newest ones no longer show, folded or pending', () => {
    const limit = { on: 'display', max: 2, per: '20m', across: 'offer', pause: '2d' } as const
    const minutesAgo = [55, 30, 5]
    for (const isPending of [false, true]) {
      const visitor = new Person(playbookWith(limit))
      for (const ago of minutesAgo)
        visitor.fold(visitor.outcome('display', 'a', 'hero', noon - ago * minuteMs))
      expect(visitor.shown('hero')).toEqual(['a'])
      const late = visitor.outcome('display', 'a', 'hero', noon - 60 * minuteMs)

      if (!isPending) visitor.fold(late)

      expect(visitor.shown('hero', noon, isPending ? [late] : [])).toEqual(['b'])
    }
  })

  it('does not begin a pause where the window has just passed', () => {
    const limit = { on: 'display', max: 2, per: '20m', across: 'offer', pause: '2d' } as const
    const apart = (ms: number) => {
      const visitor = new Person(playbookWith(limit))
      visitor.fold(visitor.outcome('display', 'a', 'hero', noon - ms))
      visitor.fold(visitor.outcome('display', 'a', 'hero', noon))
      return visitor.shown('hero')
    }

    expect(apart(20 * minuteMs - 1)).toEqual(['b'])
    expect(apart(20 * minuteMs)).toEqual(['a'])
  })

  it('counts a session on while no gap is longer than 30 minutes, in whichever order it is told', () => {
    const limit = {
      on: 'display',
      max: 1,
      per: 'session',
      across: 'offer',
      pause: undefined,
    } as const
    const gapsOf = (ms: number, order: readonly number[]) => {
      const visitor = new Person(playbookWith(limit))
      visitor.shown('hero', noon)
      const told = [
        visitor.outcome('display', 'a', 'hero', noon - 3 * ms),
        visitor.event('page', {}, noon - 2 * ms),
        visitor.event('page', {}, noon - ms),
      ]
      for (const index of order) visitor.fold(...told.slice(index, index + 1))
      return visitor.shown('hero')
    }

    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [0, 2, 1],
    ]) {
      expect(gapsOf(30 * minuteMs, order)).toEqual(['b'])
      expect(gapsOf(30 * minuteMs + 1, order)).toEqual(['a'])
    }
  })

  it('counts a report once that is pending twice', () => {
    const limit = {
      on: 'display',
      max: 2,
      per: 'lifetime',
      across: 'offer',
      pause: undefined,
    } as const
    const visitor = new Person(playbookWith(limit))
    const display = visitor.outcome('display', 'a', 'hero')
    const other = visitor.outcome('display', 'a', 'hero')

    expect(visitor.shown('hero', noon, [display, { ...display, id: 'again' }])).toEqual(['a'])
    expect(visitor.shown('hero', noon, [display, other])).toEqual(['b'])
  })
})
