import type { Evaluation } from './evaluation.ts'
import type { Candidate, Context, Formula, Offer } from './playbook.ts'

/** A score and what it is made of. */
export interface Score {
  /** P: how likely it is to be taken; 1 where nobody learns. */
  readonly propensity: number
  /** C: the product of the contexts that hold. */
  readonly context: number
  readonly contexts: readonly Context[]
  /** V */
  readonly value: number
  /** L */
  readonly weight: number
  readonly score: number
  /** What it was computed with instead of P × C × V × L. */
  readonly formula: Formula | undefined
}

/**
 * How good it is to show a candidate now: P × C × V × L, or what the placement's formula says; P is 1
 * unless something was learnt.
 * Never negative and always finite: what is unknown, not finite or below zero counts as 0, so that
 * it goes last among its priority, and the order of candidates is total.
 */
export function scoreOf(
  candidate: Candidate,
  formula: Formula | undefined,
  evaluation: Evaluation,
  propensity = propensityMax,
): number {
  const { offer, bound } = candidate
  if (formula === undefined && propensity === propensityMax && isFixed(offer)) return bound
  const factors = factorsOf(offer, evaluation, propensity)
  return amount(
    formula === undefined
      ? product(factors.propensity, factors.context, factors.value, factors.weight)
      : formula.evaluate(evaluation),
  )
}

/** As `scoreOf`, with all that it is made of. */
export function explainedScore(
  candidate: Candidate,
  formula: Formula | undefined,
  evaluation: Evaluation,
  propensity = propensityMax,
): Score {
  const { context, value, weight } = factorsOf(candidate.offer, evaluation, propensity)
  const score = scoreOf(candidate, formula, evaluation, propensity)
  const contexts = candidate.offer.contexts.filter((one) => evaluation.context(one) === true)
  return { propensity, context, contexts, value, weight, score, formula }
}

/** The greatest score that an offer can have. */
export function boundOf(offer: Offer, formula: Formula | undefined): number {
  const { value, weight, contexts } = offer
  if (formula !== undefined || typeof value !== 'number') return Number.POSITIVE_INFINITY
  // Multiplied in the order of `product`, so that rounding cannot put a score above its bound.
  const context = contexts.reduce((most, { times }) => most * Math.max(1, times), 1)
  const bound = product(propensityMax, context, value, weight)
  return isFixed(offer) ? amount(bound) : bound
}

/** Whether nothing changes an offer's score. */
function isFixed({ value, contexts }: Pick<Offer, 'value' | 'contexts'>): boolean {
  return typeof value === 'number' && contexts.length === 0
}

const propensityMax = 1

function factorsOf(
  offer: Offer,
  evaluation: Evaluation,
  propensity: number,
): Evaluation['factors'] {
  const { factors } = evaluation
  factors.propensity = propensity
  factors.context = contextOf(offer.contexts, evaluation)
  factors.value =
    typeof offer.value === 'number' ? offer.value : amount(offer.value.evaluate(evaluation))
  factors.weight = offer.weight
  factors.priority = offer.priority
  return factors
}

function contextOf(contexts: readonly Context[], evaluation: Evaluation): number {
  let context = 1
  for (const one of contexts) if (evaluation.context(one) === true) context *= one.times
  return context
}

function product(propensity: number, context: number, value: number, weight: number): number {
  return propensity * context * value * weight
}

function amount(number: number | undefined): number {
  return number !== undefined && number > 0 && number < Number.POSITIVE_INFINITY ? number : 0
}

/** Greater priority first, then greater score, then by name. */
export function isBefore(
  { offer }: Candidate,
  score: number,
  { offer: other }: Candidate,
  otherScore: number,
): boolean {
  if (offer.priority !== other.priority) return offer.priority > other.priority
  return score !== otherScore ? score > otherScore : offer.name < other.name
}
