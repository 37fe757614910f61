import type { EventRecord } from '@halfsecond/protocol'
import { type Decaying, decayed, noSum, plus } from './decayed-sum.ts'
import type { SketchFeature } from './feature-set.ts'

/** Longer texts are counted, but not kept: they are nobody's favourite. */
const textMax = 64

/** More than adding up a million sums loses. */
const roundingMax = 1e-9

/**
 * The newest `capacity` events of a feature, each with a text, and the decayed sum of all events that
 * there ever were. The difference between that sum and what is kept is the most that any text may
 * have been underrated: so it is known whether the one that leads is sure to lead.
 *
 * Invariant: in the order of (time, text), oldest first; so it depends on the events only.
 */
export class RecentTexts {
  private readonly feature: SketchFeature
  private readonly times: number[]
  private readonly texts: string[]
  /** All events, and their decayed sum. */
  private count: number
  private total: Decaying

  constructor(
    feature: SketchFeature,
    times: number[] = [],
    texts: string[] = [],
    count = 0,
    total = noSum,
  ) {
    this.feature = feature
    this.times = times
    this.texts = texts
    this.count = count
    this.total = total
  }

  static merged(feature: SketchFeature, parts: readonly RecentTexts[]): RecentTexts {
    const merged = new RecentTexts(feature)
    for (const { times, texts } of parts)
      times.forEach((at, i) => {
        merged.keep(at, texts[i] ?? '')
      })
    for (const { count, total } of parts) {
      merged.count += count
      merged.total = plus(merged.total, total, feature.halfLifeMs)
    }
    return merged
  }

  add(at: number, record: EventRecord): void {
    const text = this.feature.take(record)
    if (typeof text !== 'string') return
    this.count++
    this.total = plus(this.total, { at, sum: 1 }, this.feature.halfLifeMs)
    if (text.length <= textMax) this.keep(at, text)
  }

  /** The text with the greatest decayed sum; of equals the first by name. Undefined: not known. */
  favourite(now: number): string | undefined {
    const { halfLifeMs } = this.feature
    const sums = new Map<string, number>()
    let kept = 0
    this.times.forEach((at, i) => {
      const text = this.texts[i] ?? ''
      const weight = 2 ** ((at - now) / halfLifeMs)
      kept += weight
      sums.set(text, (sums.get(text) ?? 0) + weight)
    })
    const lost =
      this.count === this.times.length
        ? 0
        : Math.max(decayed(this.total, now, halfLifeMs) - kept, roundingMax * kept)
    const [first, second] = [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    if (first === undefined) return undefined
    return lost === 0 || first[1] > (second?.[1] ?? 0) + lost ? first[0] : undefined
  }

  copy(): RecentTexts {
    const { feature, times, texts, count, total } = this
    return new RecentTexts(feature, [...times], [...texts], count, total)
  }

  /** @param max most events */
  stored(max: number): { readonly kept: unknown } {
    const start = Math.max(0, this.times.length - max)
    const { at, sum } = this.total
    return { kept: [this.times.slice(start), this.texts.slice(start), this.count, at, sum] }
  }

  static restore(feature: SketchFeature, kept: unknown): RecentTexts | undefined {
    if (!Array.isArray(kept)) return undefined
    const [times, texts, count, at, sum]: unknown[] = kept
    if (!Array.isArray(times) || !times.every((one) => typeof one === 'number')) return undefined
    if (!Array.isArray(texts) || !texts.every((one) => typeof one === 'string')) return undefined
    const isCounted = typeof count === 'number' && typeof at === 'number' && typeof sum === 'number'
    return isCounted && times.length === texts.length
      ? new RecentTexts(feature, times, texts, count, { at, sum })
      : undefined
  }

  get heldBytes(): number {
    return 150 + 48 * this.times.length
  }

  private keep(at: number, text: string): void {
    const { times, texts } = this
    let place = times.length
    while (place > 0 && isBefore(at, text, times[place - 1] ?? 0, texts[place - 1] ?? '')) place--
    const isFull = times.length === this.feature.capacity
    if (isFull && place === 0) return
    // Equal texts share one object.
    const shared = texts[texts.indexOf(text)] ?? text
    times.splice(place, 0, at)
    texts.splice(place, 0, shared)
    if (!isFull) return
    times.shift()
    texts.shift()
  }
}

function isBefore(at: number, text: string, otherAt: number, otherText: string): boolean {
  return at < otherAt || (at === otherAt && text < otherText)
}
