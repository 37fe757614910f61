import type { EventRecord } from '@halfsecond/protocol'
import { compareIds } from '../fragment/entry.ts'
import type { SketchFeature } from './feature-set.ts'

type Value = string | number

/**
 * What the newest event says that says anything. Events are ordered as in the timeline, by (time, id); so it depends on
 * the events only.
 */
export class NewestEvent {
  private readonly feature: SketchFeature
  private at: number
  private id: string
  private said: Value | undefined

  constructor(feature: SketchFeature, at = Number.NEGATIVE_INFINITY, id = '', said?: Value) {
    this.feature = feature
    this.at = at
    this.id = id
    this.said = said
  }

  static merged(feature: SketchFeature, parts: readonly NewestEvent[]): NewestEvent {
    const newest = new NewestEvent(feature)
    for (const { at, id, said } of parts) if (newest.isBefore(at, id)) newest.set(at, id, said)
    return newest
  }

  add(at: number, record: EventRecord): void {
    if (!this.isBefore(at, record.id)) return
    const said = this.feature.take(record)
    if (said !== undefined) this.set(at, record.id, said)
  }

  /** Undefined where no event said anything. */
  get value(): Value | undefined {
    return this.said
  }

  copy(): NewestEvent {
    return new NewestEvent(this.feature, this.at, this.id, this.said)
  }

  stored(): { readonly kept: unknown } {
    return { kept: this.said === undefined ? [this.at, this.id] : [this.at, this.id, this.said] }
  }

  static restore(feature: SketchFeature, kept: unknown): NewestEvent | undefined {
    if (!Array.isArray(kept)) return undefined
    const [at, id, said]: unknown[] = kept
    if (typeof at !== 'number' || typeof id !== 'string') return undefined
    if (said !== undefined && typeof said !== 'string' && typeof said !== 'number') return undefined
    return new NewestEvent(feature, at, id, said)
  }

  get heldBytes(): number {
    return 160
  }

  private isBefore(at: number, id: string): boolean {
    return this.at < at || (this.at === at && compareIds(this.id, id) < 0)
  }

  private set(at: number, id: string, said: Value | undefined): void {
    this.at = at
    this.id = id
    this.said = said
  }
}
