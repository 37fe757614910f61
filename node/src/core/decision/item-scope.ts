import type { Evaluation } from './evaluation.ts'
import type { LimitFeatures, LimitScope } from './limits.ts'

/**
 * What limits read of one item of a catalogue: a feature that counts the outcomes of all items of a
 * template is asked about this one.
 */
export class ItemScope implements LimitScope {
  readonly now: number
  readonly consents: LimitScope['consents']
  readonly unseen: LimitScope['unseen']
  readonly features: LimitFeatures
  private readonly evaluation: Evaluation
  private readonly offer: string

  constructor(evaluation: Evaluation, offer: string) {
    this.now = evaluation.now
    this.consents = evaluation.consents
    this.unseen = evaluation.unseen
    this.features = featuresOf(evaluation, offer)
    this.evaluation = evaluation
    this.offer = offer
  }

  periodStart(...[unit]: Parameters<LimitScope['periodStart']>): number {
    return this.evaluation.periodStart(unit)
  }

  exposures(feature: number): number {
    return this.evaluation.features.set.isOfItems(feature)
      ? this.evaluation.itemExposures(feature, this.offer)
      : this.evaluation.exposures(feature)
  }
}

function featuresOf({ features }: Evaluation, offer: string): LimitFeatures {
  const { set, isWhole } = features
  return {
    isWhole,
    get sessions() {
      return features.sessions
    },
    count: (index, since) =>
      set.isOfItems(index) ? features.itemCount(index, offer, since) : features.count(index, since),
    last: (index) =>
      set.isOfItems(index) ? features.itemLast(index, offer) : features.last(index),
    lastReached: (index) =>
      set.isOfItems(index) ? features.itemLastReached(index, offer) : features.lastReached(index),
  }
}
