import type { SketchFeature } from './feature-set.ts'
import { countSince, lastReach, newest } from './ring.ts'

/**
 * The newest `capacity` reports of one outcome about items of a catalogue, each with its offer. One
 * feature stands for all items: a hundred thousand features, one for each, would say the same.
 *
 * Invariant: in the order of (time, offer), oldest first; so it depends on the reports only.
 */
export class RecentItems {
  private readonly feature: SketchFeature
  private readonly times: number[]
  private readonly offers: string[]
  /** Times by offer, oldest first; made when somebody asks, since a decision asks about many. */
  private byOffer: Map<string, number[]> | null = null

  constructor(feature: SketchFeature, times: number[] = [], offers: string[] = []) {
    this.feature = feature
    this.times = times
    this.offers = offers
  }

  static merged(feature: SketchFeature, parts: readonly RecentItems[]): RecentItems {
    const merged = new RecentItems(feature)
    for (const { times, offers } of parts)
      times.forEach((at, i) => {
        merged.add(at, offers[i] ?? '')
      })
    return merged
  }

  add(at: number, offer: string): void {
    const { times, offers } = this
    this.byOffer = null
    let place = times.length
    while (place > 0 && isBefore(at, offer, times[place - 1] ?? 0, offers[place - 1] ?? '')) place--
    const isFull = times.length === this.feature.capacity
    if (isFull && place === 0) return
    times.splice(place, 0, at)
    offers.splice(place, 0, offer)
    if (!isFull) return
    times.shift()
    offers.shift()
  }

  /** What happened after this time is all here. */
  get floor(): number {
    return this.times.length < this.feature.capacity
      ? Number.NEGATIVE_INFINITY
      : (this.times[0] ?? 0)
  }

  /** Reports about this offer after `since`. */
  count(offer: string, since: number): number {
    return countSince(this.timesOf(offer), since)
  }

  /** Time of the newest report about this offer, or undefined. */
  last(offer: string): number | undefined {
    return newest(this.timesOf(offer))
  }

  /** The newest time at which `max` reports about this offer lay within `withinMs`. */
  lastReached(offer: string, max: number, withinMs: number): number | undefined {
    return lastReach(this.timesOf(offer) ?? [], max, withinMs, 0)
  }

  private timesOf(offer: string): readonly number[] | undefined {
    if (this.byOffer === null) {
      this.byOffer = new Map()
      for (let i = 0; i < this.times.length; i++) {
        const at = this.times[i] ?? 0
        const name = this.offers[i] ?? ''
        const known = this.byOffer.get(name)
        if (known === undefined) this.byOffer.set(name, [at])
        else known.push(at)
      }
    }
    return this.byOffer.get(offer)
  }

  copy(): RecentItems {
    return new RecentItems(this.feature, [...this.times], [...this.offers])
  }

  /** @param max most reports; the floor says up to when some may be missing then */
  stored(max: number): { readonly kept: unknown; readonly floor?: number } {
    const start = Math.max(0, this.times.length - max)
    if (start === 0) return { kept: [this.times, this.offers] }
    const times = this.times.slice(start)
    return { kept: [times, this.offers.slice(start)], floor: times[0] ?? 0 }
  }

  static restore(feature: SketchFeature, kept: unknown): RecentItems | undefined {
    if (!Array.isArray(kept)) return undefined
    const [times, offers]: unknown[] = kept
    if (!Array.isArray(times) || !times.every((one) => typeof one === 'number')) return undefined
    if (!Array.isArray(offers) || !offers.every((one) => typeof one === 'string')) return undefined
    return times.length === offers.length ? new RecentItems(feature, times, offers) : undefined
  }

  get heldBytes(): number {
    return 100 + 64 * this.times.length
  }
}

function isBefore(at: number, offer: string, otherAt: number, otherOffer: string): boolean {
  return at < otherAt || (at === otherAt && offer < otherOffer)
}
