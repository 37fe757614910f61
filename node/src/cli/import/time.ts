import { isTime } from '@halfsecond/protocol'

const iso =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/

/**
 * Milliseconds since 1970 of a time in a feed: such a number, or ISO 8601 text; without a zone in
 * UTC. Undefined for anything else.
 */
export function parseTime(value: unknown): number | undefined {
  if (typeof value === 'number') return isTime(value) ? value : undefined
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  const at = /^\d{1,15}$/.test(text) ? Number(text) : parseIso(text)
  return isTime(at) ? at : undefined
}

function parseIso(text: string): number {
  const found = iso.exec(text)
  if (found === null) return Number.NaN
  const [, date, clock = '00:00', fraction = '', zone = 'Z'] = found
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? []
  const offset = sign === undefined ? 'Z' : `${sign}${hours}:${minutes ?? '00'}`
  const ms = fraction.padEnd(3, '0').slice(0, 3)
  return Date.parse(`${date}T${clock.length === 5 ? `${clock}:00` : clock}.${ms}${offset}`)
}
