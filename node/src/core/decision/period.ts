import type { Register, TraitValue } from '../fragment/registers.ts'
import type { Calendar, CalendarUnit } from './calendar.ts'

/**
 * When the day, week or month began that somebody is in. Where their zone changed during one, it goes
 * on until it has ended in both zones: whoever flies east does not get the offers of the next day
 * before this one is over. Of several changes it is the last one that counts.
 * @param zone the trait
 * @param usual the zone of those who have none
 */
export function periodStart(
  unit: CalendarUnit,
  now: number,
  zone: Register<TraitValue> | undefined,
  usual: string,
  calendar: Calendar,
): number {
  const here = zoneIn(zone?.value, usual)
  const start = calendar.startOf(unit, now, here)
  if (zone?.former === undefined) return start
  const { value, until } = zone.former
  const there = zoneIn(value, usual)
  if (there === here || until > now) return start
  const isOver = start > until && calendar.startOf(unit, now, there) > until
  return isOver ? start : calendar.startOf(unit, until, there)
}

export function zoneIn(trait: TraitValue | undefined, usual: string): string {
  return typeof trait === 'string' ? trait : usual
}
