import type { EventRecord } from '@halfsecond/protocol'
import type { SketchFeature } from './feature-set.ts'

/**
 * The newest `capacity` events of a feature, each with a number: what is summed, or which steps of
 * a sequence it may be. Flat, oldest first: time, number, time, number, …
 *
 * Invariant: in the order of (time, number). So what is kept depends on the events only, never on
 * the order in which they came or on the fragments that they came to.
 */
export class RecentValues {
  private readonly feature: SketchFeature
  private readonly flat: number[]

  constructor(feature: SketchFeature, flat: number[] = []) {
    this.feature = feature
    this.flat = flat
  }

  static merged(feature: SketchFeature, parts: readonly RecentValues[]): RecentValues {
    let flat: number[] = []
    for (const part of parts)
      flat = flat.length === 0 ? part.flat : mergeFlat(flat, part.flat, 2 * feature.capacity)
    return new RecentValues(feature, flat)
  }

  add(at: number, record: EventRecord): void {
    const value = this.feature.take(record)
    if (typeof value !== 'number') return
    const { flat } = this
    let place = flat.length
    while (place > 0 && comesBefore(at, value, flat[place - 2] ?? 0, flat[place - 1] ?? 0))
      place -= 2
    if (flat.length < 2 * this.feature.capacity) {
      if (place === flat.length) flat.push(at, value)
      else flat.splice(place, 0, at, value)
    } else if (place > 0) {
      flat.shift()
      flat.shift()
      if (place - 2 === flat.length) flat.push(at, value)
      else flat.splice(place - 2, 0, at, value)
    }
  }

  /** Events that are kept. */
  get size(): number {
    return this.flat.length / 2
  }

  /** What happened after this time is all here. */
  get floor(): number {
    return this.size < this.feature.capacity ? Number.NEGATIVE_INFINITY : (this.flat[0] ?? 0)
  }

  /** The numbers of events after `since`, oldest first. */
  after(since: number): number[] {
    const { flat } = this
    const values: number[] = []
    for (let i = this.startAfter(since); i < flat.length; i += 2) values.push(flat[i + 1] ?? 0)
    return values
  }

  /** Times of events after `since` whose number has this bit, oldest first. */
  timesOf(bit: number, since: number): number[] {
    const { flat } = this
    const times: number[] = []
    for (let i = this.startAfter(since); i < flat.length; i += 2)
      if (((flat[i + 1] ?? 0) & bit) !== 0) times.push(flat[i] ?? 0)
    return times
  }

  copy(): RecentValues {
    return new RecentValues(this.feature, [...this.flat])
  }

  /** @param max most events; the floor says up to when some may be missing then */
  stored(max: number): { readonly kept: unknown; readonly floor?: number } {
    if (this.size <= max) return { kept: this.flat }
    const kept = this.flat.slice(-2 * max)
    return { kept, floor: kept[0] ?? 0 }
  }

  static restore(feature: SketchFeature, kept: unknown): RecentValues | undefined {
    const isFlat =
      Array.isArray(kept) && kept.length % 2 === 0 && kept.every((one) => typeof one === 'number')
    return isFlat ? new RecentValues(feature, kept) : undefined
  }

  get heldBytes(): number {
    return 80 + 8 * this.flat.length
  }

  private startAfter(since: number): number {
    let start = this.flat.length
    while (start > 0 && (this.flat[start - 2] ?? 0) > since) start -= 2
    return start
  }
}

function comesBefore(at: number, value: number, otherAt: number, otherValue: number): boolean {
  return at < otherAt || (at === otherAt && value < otherValue)
}

/** The newest of two, in order. */
function mergeFlat(one: readonly number[], other: readonly number[], max: number): number[] {
  const merged: number[] = []
  let i = one.length - 2
  let j = other.length - 2
  while (merged.length < max && (i >= 0 || j >= 0)) {
    const isFirst =
      j < 0 ||
      (i >= 0 && !comesBefore(one[i] ?? 0, one[i + 1] ?? 0, other[j] ?? 0, other[j + 1] ?? 0))
    const [from, place] = isFirst ? [one, i] : [other, j]
    merged.push(from[place + 1] ?? 0, from[place] ?? 0)
    if (isFirst) i -= 2
    else j -= 2
  }
  return merged.reverse()
}
