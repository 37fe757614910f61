import { exp } from './logarithm.ts'

/*
 * What is believed of a rate that nobody knows: the form in which every trainer hands over what it
 * learnt, so that draws are made of all in the same way.
 */

export type Belief =
  /** A Beta distribution: what counted trials and rewards say. */
  | { readonly kind: 'beta'; readonly alpha: number; readonly beta: number }
  /** Its log-odds are normal: what a logistic regression says. */
  | { readonly kind: 'logit'; readonly mean: number; readonly deviation: number }

/** What a trainer believes of an arm at a placement. */
export interface ArmPosterior {
  /** Or the template that the arm's items are made by. */
  readonly offer: string
  readonly treatment: string
  /** Undefined: of the arm anywhere, for buckets that are not known. */
  readonly bucket: string | undefined
  readonly belief: Belief
}

/**
 * The expected rate. That of normal log-odds has no closed form: this is the approximation by a
 * probit (MacKay 1992, "The evidence framework applied to classification networks", eq. 10), which
 * is within 0.01 of it.
 */
export function meanOf(belief: Belief): number {
  if (belief.kind === 'beta') return belief.alpha / (belief.alpha + belief.beta)
  const { mean, deviation } = belief
  return rateOfLogOdds(mean / Math.sqrt(1 + (Math.PI / 8) * deviation * deviation))
}

export function rateOfLogOdds(logOdds: number): number {
  return 1 / (1 + exp(-logOdds))
}

/** Whether draws can be made of it: what a trainer hands over may be anything. */
export function isBelief(belief: Belief): boolean {
  if (belief.kind === 'beta') return isPositive(belief.alpha) && isPositive(belief.beta)
  const { mean, deviation } = belief
  return Number.isFinite(mean) && Number.isFinite(deviation) && deviation >= 0
}

function isPositive(value: number): boolean {
  return Number.isFinite(value) && value > 0
}
