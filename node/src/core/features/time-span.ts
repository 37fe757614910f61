import type { EventRecord } from '@halfsecond/protocol'
import type { SketchFeature } from './feature-set.ts'

/** Times of the first and the last event. */
export class TimeSpan {
  private readonly feature: SketchFeature
  private from: number
  private to: number

  constructor(
    feature: SketchFeature,
    from = Number.POSITIVE_INFINITY,
    to = Number.NEGATIVE_INFINITY,
  ) {
    this.feature = feature
    this.from = from
    this.to = to
  }

  static merged(feature: SketchFeature, parts: readonly TimeSpan[]): TimeSpan {
    const span = new TimeSpan(feature)
    for (const { from, to } of parts) span.include(from, to)
    return span
  }

  add(at: number, record: EventRecord): void {
    if (this.feature.take(record) !== undefined) this.include(at, at)
  }

  /** Undefined without any event. */
  get first(): number | undefined {
    return this.from === Number.POSITIVE_INFINITY ? undefined : this.from
  }

  get last(): number | undefined {
    return this.to === Number.NEGATIVE_INFINITY ? undefined : this.to
  }

  copy(): TimeSpan {
    return new TimeSpan(this.feature, this.from, this.to)
  }

  stored(): { readonly kept: unknown } {
    return { kept: [this.from, this.to] }
  }

  static restore(feature: SketchFeature, kept: unknown): TimeSpan | undefined {
    if (!Array.isArray(kept)) return undefined
    const [from, to]: unknown[] = kept
    const isSpan = typeof from === 'number' && typeof to === 'number'
    return isSpan ? new TimeSpan(feature, from, to) : undefined
  }

  get heldBytes(): number {
    return 56
  }

  private include(from: number, to: number): void {
    this.from = Math.min(this.from, from)
    this.to = Math.max(this.to, to)
  }
}
