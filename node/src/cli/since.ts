import { HalfsecondError, printable } from '@halfsecond/protocol'
import { parseDuration } from '../core/duration.ts'

/**
 * Milliseconds since 1970 of an age like `7d`, or of a time in ISO 8601.
 * @throws HalfsecondError `INVALID`
 */
export function sinceOf(text: string, now: number): number {
  const age = parseDuration(text)
  const time = age === undefined ? Date.parse(text) : now - age
  if (time >= 0 && time <= now) return time
  throw new HalfsecondError(
    'INVALID',
    `--since is "${printable(text)}": an age like 7d, or a time that has passed like 2026-11-01T00:00:00Z`,
  )
}
