import type { Outcome } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import {
  isTraitValue,
  restoreRegisters,
  storedRegisters,
} from '../../../src/core/fragment/registers.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { dayMs, hourMs, minuteMs, Person } from './person.ts'

/*
 * Each kind of limit by its name and an example; `limits.test.ts` holds them against whole histories.
 */

function person(limit: string, at: 'offer' | 'placement' = 'offer'): Person {
  const ofOffer = at === 'offer' ? `limits: [${limit}]` : 'limits: []'
  const ofPlacement = at === 'placement' ? `limits: [${limit}]` : 'limits: []'
  return new Person(
    compilePlaybook(`
playbook: kinds
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: {}, ${ofPlacement} }
  side: { channel: web, format: banner, fallback: {} }
  call: { channel: phone, format: banner, fallback: {} }
groups: { g: {}, h: {} }
offers:
  a: { group: g, value: 2, accepted: allow, rejected: allow, ${ofOffer}, treatments: { banner: {} } }
  b: { group: g, accepted: allow, rejected: allow, treatments: { banner: {} } }
  c: { group: h, accepted: allow, rejected: allow, treatments: { banner: {} } }
`),
  )
}

interface Told {
  readonly at: string
  readonly offer?: string
  readonly placement?: string
  readonly outcome?: Outcome
}

function isShown(visitor: Person, told: readonly Told[], now: string): boolean {
  visitor.fold(
    ...told.map(({ at, offer = 'a', placement = 'hero', outcome = 'display' }) =>
      visitor.outcome(outcome, offer, placement, Date.parse(at)),
    ),
  )
  return visitor.shown('hero', Date.parse(now))[0] === 'a'
}

/** Kind, limit, what was told, when it still blocks, and when it no longer does (undefined: never). */
const windows: readonly (readonly [
  string,
  string,
  readonly string[],
  string,
  string | undefined,
])[] = [
  [
    'a rolling cap blocks until the oldest of so many is as old as its window',
    '{ on: display, max: 2, per: 6h }',
    ['2025-06-18T09:00Z', '2025-06-18T10:00Z'],
    '2025-06-18T14:59:59.999Z',
    '2025-06-18T15:00Z',
  ],
  [
    'a cap per day blocks until midnight',
    '{ on: display, max: 2, per: day }',
    ['2025-06-18T00:00Z', '2025-06-18T23:00Z'],
    '2025-06-18T23:59:59.999Z',
    '2025-06-19T00:00Z',
  ],
  [
    'a cap per week blocks until Monday',
    '{ on: display, max: 2, per: week }',
    ['2025-06-16T00:00Z', '2025-06-18T10:00Z'],
    '2025-06-22T23:59:59.999Z',
    '2025-06-23T00:00Z',
  ],
  [
    'a cap per month blocks until the first',
    '{ on: display, max: 2, per: month }',
    ['2025-06-01T00:00Z', '2025-06-18T10:00Z'],
    '2025-06-30T23:59:59.999Z',
    '2025-07-01T00:00Z',
  ],
  [
    'a cap per session blocks until 30 minutes passed without anything',
    '{ on: display, max: 2, per: session }',
    ['2025-06-18T10:00Z', '2025-06-18T10:20Z'],
    '2025-06-18T10:50Z',
    '2025-06-18T10:50:00.001Z',
  ],
  [
    'a cap per lifetime blocks for ever',
    '{ on: display, max: 2, per: lifetime }',
    ['2015-06-18T10:00Z', '2025-06-18T10:00Z'],
    '2045-06-18T10:00Z',
    undefined,
  ],
  [
    'a suppression after one blocks for its pause',
    '{ on: display, max: 1, per: lifetime, pause: 7d }',
    ['2025-06-18T10:00Z'],
    '2025-06-25T09:59:59.999Z',
    '2025-06-25T10:00Z',
  ],
  [
    'a suppression after several in a window blocks for its pause from the one that reached it',
    '{ on: display, max: 2, per: 6h, pause: 7d }',
    ['2025-06-18T10:00Z', '2025-06-18T15:00Z'],
    '2025-06-25T14:59:59.999Z',
    '2025-06-25T15:00Z',
  ],
  [
    'a suppression after several ever blocks for its pause from the one that reached it',
    '{ on: display, max: 2, per: lifetime, pause: 7d }',
    ['2015-06-18T10:00Z', '2025-06-18T15:00Z'],
    '2025-06-25T14:59:59.999Z',
    '2025-06-25T15:00Z',
  ],
]

describe('of the kinds of limits', () => {
  it.each(windows)('%s', (_kind, limit, times, blocked, free) => {
    const told = times.map((at) => ({ at }))

    expect(isShown(person(limit), told.slice(1), blocked)).toBe(true)
    expect(isShown(person(limit), told, blocked)).toBe(false)
    if (free !== undefined) expect(isShown(person(limit), told, free)).toBe(true)
  })

  it.each([
    ['offer', ['a hero', 'a side', 'a call'], ['b hero', 'c hero']],
    ['group', ['a hero', 'b hero', 'b call'], ['c hero']],
    ['placement', ['a hero', 'b hero', 'c hero'], ['a side', 'a call']],
    ['channel', ['a hero', 'b side', 'c side'], ['a call']],
    ['all', ['a hero', 'b side', 'c call'], []],
  ] as const)('a cap across: %s counts %j, and not %j', (across, counted, others) => {
    const isFull = (shown: string) => {
      const [offer = '', placement = ''] = shown.split(' ')
      const limit = `{ on: display, max: 1, per: day, across: ${across} }`
      return !isShown(
        person(limit),
        [{ at: '2025-06-18T10:00Z', offer, placement }],
        '2025-06-18T12:00Z',
      )
    }

    expect(counted.filter(isFull)).toEqual(counted)
    expect(others.filter(isFull)).toEqual([])
  })

  it.each([
    ['placement', ['a hero', 'b hero', 'c hero'], ['a side', 'a call']],
    ['channel', ['a hero', 'b side', 'c side'], ['a call']],
    ['all', ['a hero', 'b side', 'c call'], []],
  ] as const)(
    'a cap of a placement across: %s counts %j, and not %j',
    (across, counted, others) => {
      const isFull = (shown: string) => {
        const [offer = '', placement = ''] = shown.split(' ')
        const limit = `{ on: display, max: 1, per: day, across: ${across} }`
        const visitor = person(limit, 'placement')
        const at = Date.parse('2025-06-18T10:00Z')
        visitor.fold(visitor.outcome('display', offer, placement, at))
        return visitor.shown('hero', at + hourMs)[0] === 'fallback'
      }

      expect(counted.filter(isFull)).toEqual(counted)
      expect(others.filter(isFull)).toEqual([])
    },
  )

  it.each(['display', 'click', 'accept', 'reject', 'dismiss'] as const)(
    'a cap on %s counts these',
    (outcome) => {
      const told = [{ at: '2025-06-18T10:00Z', outcome }]
      const isShownAfter = (on: string) =>
        isShown(person(`{ on: ${on}, max: 1, per: day }`), told, '2025-06-18T12:00Z')

      expect(isShownAfter(outcome)).toBe(false)
      expect(isShownAfter(outcome === 'reject' ? 'dismiss' : 'reject')).toBe(true)
    },
  )

  it('the one that unsubscribing is blocks for ever, without being written', () => {
    const told = [{ at: '2015-06-18T10:00Z', outcome: 'unsubscribe' as const }]

    expect(isShown(person(''), told, '2045-06-18T12:00Z')).toBe(false)
  })
})

const perDay = '{ on: display, max: 1, per: day }'

describe('a day of the visitor', () => {
  it.each([
    ['23 hours, where the clock goes forward', 'Europe/London', '2025-03-30T00:00Z', 23],
    ['25 hours, where it goes back', 'Europe/London', '2025-10-25T23:00Z', 25],
    ['23 hours, where it goes forward at midnight', 'America/Havana', '2025-03-09T05:00Z', 23],
    ['25 hours, where it goes back at 1:00 to midnight', 'America/Havana', '2025-11-02T04:00Z', 25],
    [
      '24 hours and a half, where it goes back by half an hour',
      'Australia/Lord_Howe',
      '2025-04-05T13:00Z',
      24.5,
    ],
    ['24 hours on all other days', 'Asia/Kolkata', '2025-06-17T18:30Z', 24],
  ])('has %s', (_what, zone, midnight, hours) => {
    const start = Date.parse(midnight)
    const end = start + hours * hourMs
    const isShownAt = (now: number, displayed: number) => {
      const visitor = person(perDay)
      visitor.fold(visitor.traits({ zone }, start - 40 * dayMs))
      visitor.fold(visitor.outcome('display', 'a', 'hero', displayed))
      return visitor.shown('hero', now)[0] === 'a'
    }

    expect(isShownAt(end - 1, start)).toBe(false)
    expect(isShownAt(end, start)).toBe(true)
    expect(isShownAt(start, start - 1)).toBe(true)
    expect(isShownAt(end, end - 1)).toBe(true)
  })
})

describe('a change of zone', () => {
  /** Displayed at 14:00 in New York, where the day began at 4:00 UTC and ends at 4:00 UTC. */
  function traveller(zone: string, changedAt: string): Person {
    const visitor = person(perDay)
    return visitor.fold(
      visitor.traits({ zone: 'America/New_York' }, Date.parse('2025-06-01T00:00Z')),
      visitor.outcome('display', 'a', 'hero', Date.parse('2025-06-18T14:00Z')),
      visitor.traits({ zone }, Date.parse(changedAt)),
    )
  }
  const isShownAt = (visitor: Person, now: string) =>
    visitor.shown('hero', Date.parse(now))[0] === 'a'

  it('to the east does not begin the next day before this one has ended where it began', () => {
    // Midnight in Tokyo is at 15:00 UTC.
    const visitor = traveller('Asia/Tokyo', '2025-06-18T14:30Z')

    expect(isShownAt(visitor, '2025-06-18T15:00Z')).toBe(false)
    expect(isShownAt(visitor, '2025-06-19T03:59:59.999Z')).toBe(false)
    expect(isShownAt(visitor, '2025-06-19T04:00Z')).toBe(true)
  })

  it('to the west does not begin it before it has begun there, either', () => {
    // Midnight in Honolulu is at 10:00 UTC.
    const visitor = traveller('Pacific/Honolulu', '2025-06-18T20:00Z')

    expect(isShownAt(visitor, '2025-06-19T04:00Z')).toBe(false)
    expect(isShownAt(visitor, '2025-06-19T09:59:59.999Z')).toBe(false)
    expect(isShownAt(visitor, '2025-06-19T10:00Z')).toBe(true)
  })

  it('counts alike pending and folded, and goes on to count where the zone is told again', () => {
    const visitor = traveller('America/New_York', '2025-06-18T14:10Z')
    const change = visitor.traits({ zone: 'Asia/Tokyo' }, Date.parse('2025-06-18T14:30Z'))
    const again = visitor.traits({ zone: 'Asia/Tokyo' }, Date.parse('2025-06-18T16:00Z'))
    const shown = (pending: readonly (typeof change)[]) =>
      visitor.shown('hero', Date.parse('2025-06-18T17:00Z'), pending)[0]

    expect(shown([change])).toBe('b')
    expect(shown([change, again])).toBe('b')
    visitor.fold(change)
    expect(shown([again])).toBe('b')
    visitor.fold(again)
    expect(shown([])).toBe('b')
  })

  it('matters to a week as long as that goes on in one of both zones', () => {
    const visitor = person('{ on: display, max: 1, per: week }')
    visitor.fold(
      visitor.outcome('display', 'a', 'hero', Date.parse('2025-06-16T00:00Z')),
      visitor.traits({ zone: 'Asia/Tokyo' }, Date.parse('2025-06-17T00:00Z')),
    )

    // The week of Tokyo ends on Sunday at 15:00 UTC; where no zone was known it was that of UTC.
    expect(isShownAt(visitor, '2025-06-22T15:00Z')).toBe(false)
    expect(isShownAt(visitor, '2025-06-23T00:00Z')).toBe(true)
  })

  it('is over once that day is: the days after it are those of the new zone', () => {
    const visitor = traveller('Asia/Tokyo', '2025-06-18T14:30Z')
    visitor.fold(visitor.outcome('display', 'a', 'hero', Date.parse('2025-06-20T14:59Z')))

    expect(isShownAt(visitor, '2025-06-20T14:59:59Z')).toBe(false)
    expect(isShownAt(visitor, '2025-06-20T15:00Z')).toBe(true)
  })

  it('is stored with a fragment, and handed on with its copies', () => {
    const visitor = traveller('Asia/Tokyo', '2025-06-18T14:30Z')

    const { fragment } = visitor
    fragment.traits = restoreRegisters(storedRegisters(fragment.traits), isTraitValue) ?? null

    expect(isShownAt(visitor, '2025-06-18T16:00Z')).toBe(false)
  })

  it('does not matter to what rolls', () => {
    const visitor = person('{ on: display, max: 1, per: 1h }')
    const at = Date.parse('2025-06-18T14:00Z')
    visitor.fold(visitor.outcome('display', 'a', 'hero', at))
    visitor.fold(visitor.traits({ zone: 'Asia/Tokyo' }, at + minuteMs))

    expect(visitor.shown('hero', at + hourMs)[0]).toBe('a')
  })
})
