import type { Calendar, CalendarUnit, Clock } from '../core/decision/calendar.ts'

/** Zones that visitors may bring; a formatter for each is kept. */
const formattersMax = 600

/** A period's start, and until when it is the answer: the end of the local day it was asked on. */
interface Known {
  readonly start: number
  readonly end: number
  /** The one that was asked before: beside now it is when the zone changed that is asked. */
  readonly other: Known | undefined
}

const hourMs = 3_600_000

const minuteMs = 60_000

/** No local day is longer. */
const dayMaxMs = 26 * hourMs

/** Calendar periods by the zone data of the runtime. */
export class ZoneCalendar implements Calendar {
  private readonly formatters = new Map<string, Intl.DateTimeFormat>()
  private readonly clocks = new Map<string, { minuteOfEpoch: number; clock: Clock }>()
  private readonly known: { readonly [unit in CalendarUnit]: Map<string, Known> } = {
    day: new Map(),
    week: new Map(),
    month: new Map(),
  }

  startOf(unit: CalendarUnit, at: number, zone: string): number {
    const ofUnit = this.known[unit]
    const last = ofUnit.get(zone)
    if (last && isWithin(at, last)) return last.start
    if (last?.other && isWithin(at, last.other)) return last.other.start
    const start = this.compute(unit, at, zone)
    if (ofUnit.size >= formattersMax) ofUnit.clear()
    const end = this.endOfDay(at, zone)
    ofUnit.set(zone, { start, end, other: last && { ...last, other: undefined } })
    return start
  }

  clockAt(at: number, zone: string): Clock {
    const minuteOfEpoch = Math.floor(at / minuteMs)
    const known = this.clocks.get(zone)
    if (known?.minuteOfEpoch === minuteOfEpoch) return known.clock
    const { hour, minute, weekday } = this.local(at, zone)
    const clock = { hour, minute, weekday: 1 + weekdays.indexOf(weekday) }
    if (this.clocks.size >= formattersMax) this.clocks.clear()
    this.clocks.set(zone, { minuteOfEpoch, clock })
    return clock
  }

  private compute(unit: CalendarUnit, at: number, zone: string): number {
    let start = this.startOfDay(at, zone)
    if (unit === 'day') return start
    const isFirst =
      unit === 'week' ? (day: LocalDay) => day.weekday === 'Mon' : (day: LocalDay) => day.day === 1
    // Step back by days of the zone, which have 23 to 25 hours: noon of the day before is safe.
    for (let i = 0; i < 31 && !isFirst(this.local(start, zone)); i++)
      start = this.startOfDay(start - 12 * hourMs, zone)
    return start
  }

  /** The first instant of the local day: midnight, or later where midnight was skipped. */
  private startOfDay(at: number, zone: string): number {
    const { date } = this.local(at, zone)
    return firstWhere(at - dayMaxMs, at, (middle) => this.local(middle, zone).date === date)
  }

  private endOfDay(at: number, zone: string): number {
    const { date } = this.local(at, zone)
    return firstWhere(at, at + dayMaxMs, (middle) => this.local(middle, zone).date !== date)
  }

  private local(at: number, zone: string): LocalDay {
    const parts = new Map(
      this.formatter(zone)
        .formatToParts(at)
        .map(({ type, value }) => [type, value]),
    )
    const date = `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`
    return {
      date,
      day: Number(parts.get('day')),
      weekday: parts.get('weekday') ?? '',
      hour: Number(parts.get('hour')),
      minute: Number(parts.get('minute')),
    }
  }

  private formatter(zone: string): Intl.DateTimeFormat {
    const known = this.formatters.get(zone)
    if (known) return known
    if (this.formatters.size >= formattersMax) this.formatters.clear()
    const made = makeFormatter(zone) ?? makeFormatter('UTC') ?? new Intl.DateTimeFormat('en')
    this.formatters.set(zone, made)
    return made
  }
}

function isWithin(at: number, { start, end }: Known): boolean {
  return at >= start && at < end
}

/** The first time after `low` for which a claim holds that goes on to hold, as it does at `high`. */
function firstWhere(low: number, high: number, holds: (at: number) => boolean): number {
  let before = low
  let from = high
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2)
    if (holds(middle)) from = middle
    else before = middle
  }
  return from
}

interface LocalDay {
  readonly date: string
  readonly day: number
  readonly weekday: string
  readonly hour: number
  readonly minute: number
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

function makeFormatter(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  } catch {
    return undefined
  }
}
