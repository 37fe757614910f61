import type { EventRecord } from '@halfsecond/protocol'
import type { SketchFeature } from './feature-set.ts'

/** A sum as it is at a time; it halves with each half-life from then on. */
export interface Decaying {
  readonly at: number
  readonly sum: number
}

export const noSum: Decaying = { at: 0, sum: 0 }

/** Both together, at the later of their times. */
export function plus(one: Decaying, other: Decaying, halfLifeMs: number): Decaying {
  const [earlier, later] = one.at < other.at ? [one, other] : [other, one]
  return { at: later.at, sum: later.sum + decayed(earlier, later.at, halfLifeMs) }
}

export function decayed({ at, sum }: Decaying, now: number, halfLifeMs: number): number {
  return sum * 2 ** ((at - now) / halfLifeMs)
}

/**
 * A sum in which each event counts 1 when it happens and half as much after each half-life. Sums of
 * several fragments are moved to one time and added; the order of adding shows in the last bits
 * only, so readers round.
 */
export class DecayedSum {
  private readonly feature: SketchFeature
  private total: Decaying

  constructor(feature: SketchFeature, total = noSum) {
    this.feature = feature
    this.total = total
  }

  static merged(feature: SketchFeature, parts: readonly DecayedSum[]): DecayedSum {
    let total = noSum
    for (const part of parts) total = plus(total, part.total, feature.halfLifeMs)
    return new DecayedSum(feature, total)
  }

  add(at: number, record: EventRecord): void {
    if (this.feature.take(record) === undefined) return
    this.total = plus(this.total, { at, sum: 1 }, this.feature.halfLifeMs)
  }

  /** What the sum has decayed to, rounded to six places. */
  at(now: number): number {
    return Math.round(decayed(this.total, now, this.feature.halfLifeMs) * 1e6) / 1e6
  }

  copy(): DecayedSum {
    return new DecayedSum(this.feature, this.total)
  }

  stored(): { readonly kept: unknown } {
    return { kept: [this.total.at, this.total.sum] }
  }

  static restore(feature: SketchFeature, kept: unknown): DecayedSum | undefined {
    if (!Array.isArray(kept)) return undefined
    const [at, sum]: unknown[] = kept
    const isSum = typeof at === 'number' && typeof sum === 'number'
    return isSum ? new DecayedSum(feature, { at, sum }) : undefined
  }

  get heldBytes(): number {
    return 80
  }
}
