export type CalendarUnit = 'day' | 'week' | 'month'

/** What clocks and calendars on the wall say: from outside, since zone data is not ours. */
export interface Calendar {
  /** Start of the period that `at` lies in. Weeks start on Monday. Unknown zones count as UTC. */
  startOf(unit: CalendarUnit, at: number, zone: string): number
  /** What a clock on the wall shows in a zone. */
  clockAt(at: number, zone: string): Clock
}

export interface Clock {
  /** 0 to 23 */
  readonly hour: number
  /** 0 to 59 */
  readonly minute: number
  /** 1 for Monday to 7 */
  readonly weekday: number
}
