import type { EventRecord } from '@halfsecond/protocol'
import type { SketchFeature } from './feature-set.ts'

type Key = string | number

/**
 * The `capacity` values that events brought last, each with the newest time at which one did. That
 * decides how many different values there were in a window of any length, exactly up to the
 * capacity: a value that makes room lies before all that are kept.
 *
 * Invariant: in the order of (time, value), oldest first; so it depends on the events only.
 */
export class DifferentValues {
  private readonly feature: SketchFeature
  private readonly times: Map<Key, number>
  /** Oldest time of a full map, as far as it is worked out: older values need no look. */
  private oldest = Number.NEGATIVE_INFINITY

  constructor(feature: SketchFeature, times = new Map<Key, number>()) {
    this.feature = feature
    this.times = times
  }

  static merged(feature: SketchFeature, parts: readonly DifferentValues[]): DifferentValues {
    const merged = new DifferentValues(feature)
    for (const part of parts) for (const [value, at] of part.times) merged.put(value, at)
    return merged
  }

  add(at: number, record: EventRecord): void {
    const value = this.feature.take(record)
    if (value !== undefined) this.put(value, at)
  }

  /** How many different values there were after `since`, at most the capacity. */
  countAfter(since: number): number {
    let count = 0
    for (const at of this.times.values()) if (at > since) count++
    return count
  }

  copy(): DifferentValues {
    return new DifferentValues(this.feature, new Map(this.times))
  }

  /** @param max most values; the floor says up to when some may be missing then */
  stored(max: number): { readonly kept: unknown; readonly floor?: number } {
    const all = [...this.times].sort(inOrder)
    if (all.length <= max) return { kept: all }
    const kept = all.slice(-max)
    return { kept, floor: kept[0]?.[1] ?? 0 }
  }

  static restore(feature: SketchFeature, kept: unknown): DifferentValues | undefined {
    return Array.isArray(kept) && kept.every(isTimed)
      ? new DifferentValues(feature, new Map(kept))
      : undefined
  }

  get heldBytes(): number {
    return 100 + 120 * this.times.size
  }

  private put(value: Key, at: number): void {
    if (at < this.oldest || at <= (this.times.get(value) ?? Number.NEGATIVE_INFINITY)) return
    this.times.set(value, at)
    if (this.times.size > this.feature.capacity) this.dropOldest()
  }

  private dropOldest(): void {
    let first: readonly [Key, number] | undefined
    for (const one of this.times) if (first === undefined || inOrder(one, first) < 0) first = one
    if (first === undefined) return
    this.times.delete(first[0])
    this.oldest = first[1]
  }
}

function inOrder(a: readonly [Key, number], b: readonly [Key, number]): number {
  if (a[1] !== b[1]) return a[1] - b[1]
  if (typeof a[0] !== typeof b[0]) return typeof a[0] === 'number' ? -1 : 1
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0
}

function isTimed(value: unknown): value is [Key, number] {
  if (!Array.isArray(value)) return false
  const [key, at]: unknown[] = value
  return (typeof key === 'string' || typeof key === 'number') && typeof at === 'number'
}
