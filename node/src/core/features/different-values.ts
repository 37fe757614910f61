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
  private times: Map<Key, number>
  /** The last of the map. */
  private newest: readonly [Key, number] | undefined

  /** @param times in order */
  constructor(feature: SketchFeature, times = new Map<Key, number>()) {
    this.feature = feature
    this.times = times
    for (const one of times) this.newest = one
  }

  static merged(feature: SketchFeature, parts: readonly DifferentValues[]): DifferentValues {
    const newest = new Map<Key, number>()
    for (const { times } of parts)
      for (const [value, at] of times) newest.set(value, Math.max(at, newest.get(value) ?? at))
    const kept = [...newest].sort(inOrder).slice(-feature.capacity)
    return new DifferentValues(feature, new Map(kept))
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
    const all = [...this.times]
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
    const one = [value, at] as const
    const known = this.times.get(value)
    if (known !== undefined && known >= at) return
    const isFull = known === undefined && this.times.size === this.feature.capacity
    if (isFull) {
      const [oldest] = this.times
      if (oldest === undefined || inOrder(one, oldest) < 0) return
      this.times.delete(oldest[0])
    }
    this.times.delete(value)
    this.times.set(value, at)
    if (this.newest === undefined || inOrder(this.newest, one) < 0) this.newest = one
    else this.times = new Map([...this.times].sort(inOrder))
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
