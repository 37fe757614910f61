import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CalendarUnit } from '../../src/core/decision/calendar.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const zones = [
  'UTC',
  'Europe/London',
  'America/New_York',
  'America/Havana',
  'America/Sao_Paulo',
  'Asia/Kathmandu',
  'Asia/Beirut',
  'Africa/Cairo',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
]

/** Periods have names by the date on the wall; two times are in one period if its name is the same. */
function periodName(unit: CalendarUnit, at: number, zone: string): string {
  const date = new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format(at)
  if (unit === 'day') return date
  if (unit === 'month') return date.slice(0, 7)
  return String(Math.floor((Date.parse(date) / dayMs + 3) / 7))
}

const moments = fc
  .tuple(
    fc.constantFrom(
      Date.UTC(2025, 2, 30),
      Date.UTC(2025, 9, 26),
      Date.UTC(2025, 10, 2),
      Date.UTC(2018, 10, 4),
      Date.UTC(2011, 11, 30),
      Date.UTC(2024, 1, 29),
      Date.UTC(2025, 11, 31),
    ),
    fc.integer({ min: -3 * dayMs, max: 3 * dayMs }),
  )
  .map(([moment, shift]) => moment + shift)

describe('a calendar period', () => {
  it('starts at the first instant that belongs to it, in every zone and around every change of clocks', () => {
    const calendar = new ZoneCalendar()
    fc.assert(
      fc.property(
        fc.constantFrom('day', 'week', 'month'),
        moments,
        fc.constantFrom(...zones),
        (unit, at, zone) => {
          const start = calendar.startOf(unit, at, zone)

          const name = periodName(unit, at, zone)
          expect(start).toBeLessThanOrEqual(at)
          expect(periodName(unit, start, zone)).toBe(name)
          expect(periodName(unit, start - 1, zone)).not.toBe(name)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('has 23 hours where clocks go forward and 25 where they go back', () => {
    const calendar = new ZoneCalendar()
    const start = (year: number, month: number, day: number) =>
      calendar.startOf('day', Date.UTC(year, month, day, 12), 'Europe/London')

    expect(start(2025, 2, 31) - start(2025, 2, 30)).toBe(23 * hourMs)
    expect(start(2025, 9, 27) - start(2025, 9, 26)).toBe(25 * hourMs)
  })

  it('begins after midnight where midnight is skipped', () => {
    const start = new ZoneCalendar().startOf('day', Date.UTC(2018, 10, 4, 12), 'America/Sao_Paulo')

    expect(new Date(start).toISOString()).toBe('2018-11-04T03:00:00.000Z')
  })

  it('begins on Monday', () => {
    const calendar = new ZoneCalendar()
    const sunday = Date.UTC(2025, 5, 22, 23, 59)

    expect(calendar.startOf('week', sunday, 'UTC')).toBe(Date.UTC(2025, 5, 16))
    expect(calendar.startOf('week', sunday + minuteMs, 'UTC')).toBe(Date.UTC(2025, 5, 23))
  })

  it('is counted in UTC where nobody knows the zone', () => {
    const start = new ZoneCalendar().startOf('day', Date.UTC(2025, 5, 18, 12), 'Mars/Olympus')

    expect(start).toBe(Date.UTC(2025, 5, 18))
  })

  it('is right for more zones than are remembered', () => {
    const calendar = new ZoneCalendar()
    const at = Date.UTC(2025, 5, 18, 12)

    for (const zone of Intl.supportedValuesOf('timeZone').slice(0, 60))
      calendar.startOf('day', at, zone)
    for (let i = 0; i < 1_900; i++) calendar.startOf('day', at, `Nowhere/${i}`)

    expect(calendar.startOf('day', at, 'Asia/Tokyo')).toBe(Date.UTC(2025, 5, 17, 15))
  }, 20_000)
})

describe('the clock of a zone', () => {
  it('shows the time and the day of the week that people there see', () => {
    const calendar = new ZoneCalendar()
    const between = fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2026, 0) })
    fc.assert(
      fc.property(between, fc.nat(minuteMs * 40), fc.constantFrom(...zones), (at, later, zone) => {
        for (const moment of [at, at + later]) {
          const shown = new Intl.DateTimeFormat('sv-SE', {
            timeZone: zone,
            dateStyle: 'short',
            timeStyle: 'short',
          }).format(moment)
          const [date = '', time = ''] = shown.split(' ')

          expect(calendar.clockAt(moment, zone)).toEqual({
            hour: Number(time.slice(0, 2)),
            minute: Number(time.slice(3, 5)),
            weekday: new Date(`${date}T00:00Z`).getUTCDay() || 7,
          })
        }
      }),
      { numRuns: 500 },
    )
  })
})
