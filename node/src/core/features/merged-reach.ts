import { lastReach, mergeTimes } from './ring.ts'

/** What one timeline, or several that dropped nothing, know of a feature with `reach`. */
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
  let reached: number | undefined
  let count = 0
  let isCut = false
  for (const part of parts) {
    reached = later(reached, part.reached)
    count += part.ring.length
    isCut ||= part.isCut
  }
  if (parts.length > 1 && count >= max)
    reached = later(reached, lastReach(sortedTimes(parts), max, withinMs, 0))
  return isCut ? later(reached, latestDoubt(parts, withinMs)) : reached
}

/**
 * The same knowledge in fewer parts: timelines that dropped nothing are like one. So whoever asks
 * again with one part more need not look at all of them.
 */
export function condensed(
  parts: readonly ReachPart[],
  max: number,
  withinMs: number,
): readonly ReachPart[] {
  const complete = parts.filter(({ isCut }) => !isCut)
  if (complete.length < 2) return parts
  const reached = mergedReach(complete, max, withinMs)
  const one: ReachPart = { ring: sortedTimes(complete), isCut: false, reached }
  return [one, ...parts.filter(({ isCut }) => isCut)]
}

function sortedTimes(parts: readonly ReachPart[]): readonly number[] {
  let times: readonly number[] = []
  for (const { ring } of parts) times = mergeTimes(times, ring, times.length + ring.length)
  return times
}

/**
 * The latest time at which a reach cannot be excluded. Up to the greatest floor matches may be
 * missing, so windows that begin after it are known. One that holds matches of a single timeline is
 * known as well, from that timeline.
 */
function latestDoubt(parts: readonly ReachPart[], withinMs: number): number | undefined {
  let most: ReachPart | undefined
  for (const part of parts) if (floorOf(part) > (most ? floorOf(most) : -1)) most = part
  if (most === undefined) return undefined
  const floor = floorOf(most)
  const matches = parts
    .flatMap((part) => part.ring.map((at): Match => ({ at, part })))
    .sort((a, b) => a.at - b.at)
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
