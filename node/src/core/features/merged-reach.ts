import { lastReach } from './ring.ts'

/** What one timeline knows of a feature with `reach`. */
export interface ReachPart {
  /** Its newest matches, oldest first. */
  readonly ring: readonly number[]
  /** Whether there may be matches as old as the oldest of the ring, or older, that it dropped. */
  readonly isCut: boolean
  /** When its own matches alone met the reach last. */
  readonly reached: number | undefined
}

interface Match {
  readonly at: number
  readonly part: ReachPart
}

/**
 * The last time at which `max` matches of all timelines together lay within `withinMs`. Where
 * matches that a ring dropped decide, it is the latest time at which that may have been: whoever
 * pauses from then on shows too little rather than too much.
 */
export function mergedReach(
  parts: readonly ReachPart[],
  max: number,
  withinMs: number,
): number | undefined {
  const matches = parts
    .flatMap((part) => part.ring.map((at): Match => ({ at, part })))
    .sort((a, b) => a.at - b.at)
  const times = matches.map(({ at }) => at)
  let reached = lastReach(times, max, withinMs, 0)
  for (const part of parts) reached = later(reached, part.reached)
  return later(reached, latestDoubt(parts, matches, withinMs))
}

/**
 * The latest time at which a reach cannot be excluded. Up to the greatest floor matches may be
 * missing, so windows that begin after it are known. One that holds matches of a single timeline is
 * known as well, from that timeline.
 */
function latestDoubt(
  parts: readonly ReachPart[],
  matches: readonly Match[],
  withinMs: number,
): number | undefined {
  let most: ReachPart | undefined
  for (const part of parts) if (floorOf(part) > (most ? floorOf(most) : -1)) most = part
  if (most === undefined) return undefined
  const floor = floorOf(most)
  let other = matches.length - 1
  for (let i = matches.length - 1; i >= 0; i--) {
    const end = matches[i]?.at ?? 0
    if (end < floor) break
    while (other >= 0 && (other > i || matches[other]?.part === most)) other--
    const isMixed = other >= 0 && end - (matches[other]?.at ?? 0) < withinMs
    if (isMixed && end - floor < withinMs) return end
  }
  const newest = matches.findLast(({ at, part }) => part !== most && at <= floor)
  return newest === undefined ? undefined : Math.min(floor, newest.at + withinMs)
}

/** Later matches are known, −1: all are. */
function floorOf({ ring, isCut }: ReachPart): number {
  return isCut ? (ring[0] ?? -1) : -1
}

function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one
}
