export type CalendarUnit = 'day' | 'week' | 'month'

/** What clocks and calendars on the wall say: from outside, since zone data is not ours. */
export interface Calendar {
  /** Start of the period that `at` lies in. Weeks start on Monday. Unknown zones count as UTC. */
  startOf(unit: CalendarUnit, at: number, zone: string): number
  /** The hour, 0 to 23, and the day of the week, 1 for Monday to 7, in a zone. */
  clockAt(at: number, zone: string): Clock
}

export interface Clock {
  readonly hour: number
  readonly weekday: number
}
