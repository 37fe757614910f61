const dayMs = 24 * 60 * 60_000

/** No zone is further from UTC, and no clock is put by more. */
const offsetMaxMs = 16 * 60 * 60_000

/**
 * When a day begins in a zone: at midnight, or later where the clock skips it.
 * @param day ISO date; @param zone one that the runtime knows
 */
export function startOfDay(day: string, zone: string): number {
  const dateAt = new Intl.DateTimeFormat('sv-SE', { timeZone: zone })
  const midnight = Date.parse(day)
  let before = midnight - offsetMaxMs
  let from = midnight + offsetMaxMs
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2)
    if (dateAt.format(middle) >= day) from = middle
    else before = middle
  }
  return from
}

/** The day after an ISO date. */
export function dayAfter(day: string): string {
  return new Date(Date.parse(day) + dayMs).toISOString().slice(0, 10)
}
