import type { Sessions } from '../features/sessions.ts'
import type { CalendarUnit } from './calendar.ts'
import type { Evaluation } from './evaluation.ts'
import type { LimitFeatures, LimitScope } from './limits.ts'

/**
 * What limits read of one item of a catalogue after the other: a feature that counts the outcomes of
 * all items of a template is asked about the one that is looked at.
 */
export class ItemScope implements LimitScope, LimitFeatures {
  readonly now: number
  readonly consents: LimitScope['consents']
  readonly unseen: LimitScope['unseen']
  readonly isWhole: boolean
  /** The offer that is made of the item. */
  offer = ''
  private readonly evaluation: Evaluation

  constructor(evaluation: Evaluation) {
    this.now = evaluation.now
    this.consents = evaluation.consents
    this.unseen = evaluation.unseen
    this.isWhole = evaluation.features.isWhole
    this.evaluation = evaluation
  }

  get features(): LimitFeatures {
    return this
  }

  get sessions(): Sessions {
    return this.evaluation.features.sessions
  }

  periodStart(unit: CalendarUnit): number {
    return this.evaluation.periodStart(unit)
  }

  exposures(feature: number): number {
    return this.isOfItems(feature)
      ? this.evaluation.itemExposures(feature, this.offer)
      : this.evaluation.exposures(feature)
  }

  count(feature: number, since: number): number | undefined {
    const { features } = this.evaluation
    return this.isOfItems(feature)
      ? features.itemCount(feature, this.offer, since)
      : features.count(feature, since)
  }

  last(feature: number): number | undefined {
    const { features } = this.evaluation
    return this.isOfItems(feature) ? features.itemLast(feature, this.offer) : features.last(feature)
  }

  lastReached(feature: number): number | undefined {
    const { features } = this.evaluation
    return this.isOfItems(feature)
      ? features.itemLastReached(feature, this.offer)
      : features.lastReached(feature)
  }

  private isOfItems(feature: number): boolean {
    return this.evaluation.features.set.isOfItems(feature)
  }
}
