import type { EventRecord } from '@halfsecond/protocol'
import type { SketchFeature } from './feature-set.ts'

/**
 * A sum in which each event counts 1 when it happens and half as much after each half-life.
 *
 * Kept as the sum that it would have at the time 0, as a power of two, since the number itself would
 * be far too large. So all fragments share one reference time, and sums of them just add up. The
 * order of adding shows in the last bits only: readers round.
 */
export class DecayedSum {
  private readonly feature: SketchFeature
  private exponent: number

  constructor(feature: SketchFeature, exponent = Number.NEGATIVE_INFINITY) {
    this.feature = feature
    this.exponent = exponent
  }

  static merged(feature: SketchFeature, parts: readonly DecayedSum[]): DecayedSum {
    const sum = new DecayedSum(feature)
    // In one order, whatever that of the parts is.
    const exponents = parts.map(({ exponent }) => exponent).sort((a, b) => a - b)
    for (const exponent of exponents) sum.exponent = sumOfPowers(sum.exponent, exponent)
    return sum
  }

  add(at: number, record: EventRecord): void {
    if (this.feature.take(record) === undefined) return
    this.exponent = sumOfPowers(this.exponent, at / this.feature.halfLifeMs)
  }

  /** What the sum has decayed to, rounded to six places. */
  at(now: number): number {
    const sum = 2 ** (this.exponent - now / this.feature.halfLifeMs)
    return Math.round(sum * 1e6) / 1e6
  }

  copy(): DecayedSum {
    return new DecayedSum(this.feature, this.exponent)
  }

  stored(): { readonly kept: unknown } {
    return { kept: this.exponent }
  }

  static restore(feature: SketchFeature, kept: unknown): DecayedSum | undefined {
    return typeof kept === 'number' ? new DecayedSum(feature, kept) : undefined
  }

  get heldBytes(): number {
    return 48
  }
}

/** log2(2^a + 2^b) */
function sumOfPowers(a: number, b: number): number {
  const [less, more] = a < b ? [a, b] : [b, a]
  if (less === Number.NEGATIVE_INFINITY) return more
  return more + Math.log2(1 + 2 ** (less - more))
}
