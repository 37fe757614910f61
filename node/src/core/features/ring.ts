/*
 * The newest `capacity` times, oldest first, in a plain array of numbers. "At least `max` in the
 * window" is "the max-th newest lies inside it", so this decides windows of any length exactly.
 */

/** Adds a time in its place; the oldest makes room. Returns where it went, −1 if it is too old. */
export function insertTime(ring: number[], at: number, capacity: number): number {
  let place = ring.length
  while (place > 0 && (ring[place - 1] ?? 0) > at) place--
  if (ring.length < capacity) {
    if (place === ring.length) ring.push(at)
    else ring.splice(place, 0, at)
    return place
  }
  if (place === 0) return -1
  // An array's `copyWithin` goes element by element through the generic path: 20 times as slow.
  ring.shift()
  if (place - 1 === ring.length) ring.push(at)
  else ring.splice(place - 1, 0, at)
  return place - 1
}

/** How many times lie after `since`: exact up to the capacity of the ring. */
export function countSince(ring: readonly number[] | undefined, since: number): number {
  if (ring === undefined) return 0
  let count = 0
  for (let i = ring.length - 1; i >= 0 && (ring[i] ?? 0) > since; i--) count++
  return count
}

/** The newest `capacity` times of two rings, as a ring of all that both were told would hold. */
export function mergeTimes(
  one: readonly number[],
  other: readonly number[],
  capacity: number,
): number[] {
  const merged: number[] = []
  let i = one.length - 1
  let j = other.length - 1
  while (merged.length < capacity && (i >= 0 || j >= 0)) {
    const isFirst = j < 0 || (i >= 0 && (one[i] ?? 0) >= (other[j] ?? 0))
    merged.push((isFirst ? one[i--] : other[j--]) ?? 0)
  }
  return merged.reverse()
}

/** The newest time, or undefined. */
export function newest(ring: readonly number[] | undefined): number | undefined {
  return ring?.[ring.length - 1]
}

/** The newest time at which `max` of them lay within `withinMs`, looking at ends from `from` on. */
export function lastReach(
  ring: readonly number[],
  max: number,
  withinMs: number,
  from: number,
): number | undefined {
  for (let end = ring.length - 1; end >= Math.max(from, max - 1); end--) {
    const last = ring[end] ?? 0
    if (last - (ring[end - max + 1] ?? 0) < withinMs) return last
  }
  return undefined
}
