import { rateOfLogOdds } from './belief.ts'
import { ln } from './logarithm.ts'

/*
 * Bayesian logistic regression with a diagonal normal posterior: O. Chapelle and L. Li, "An empirical
 * evaluation of Thompson sampling", NIPS 2011, algorithm 3. With m and q the means and precisions of
 * the prior, the weights w minimise
 *
 *   ½ Σ qᵢ (wᵢ − mᵢ)² + Σ log(1 + exp(−y wᵀx))
 *
 * and the precisions of the posterior are qᵢ + Σ xᵢ² p (1 − p). The log-odds of x are then normal, with
 * mean wᵀx and variance Σ xᵢ² / qᵢ.
 *
 * Features are 1 or 0: one of everything, one of the arm, and of each value in the bucket one of its
 * own and one of its pair with the arm. So what holds of a value for all arms is learnt from all of
 * them, and what holds for one arm alone shows once that arm has been tried enough. All rows with
 * the same features are one cell, and all cells one batch: what is learnt depends on nothing but the
 * cells, whatever was learnt before.
 */

/** Rows of one arm in one bucket, as sums of their weights. */
export interface LogisticCell {
  readonly arm: string
  /** What tells buckets apart; of all cells equally many. */
  readonly values: readonly string[]
  readonly trials: number
  /** At most as many. */
  readonly rewards: number
}

/** What is believed of log-odds. */
export interface LogOdds {
  readonly mean: number
  readonly deviation: number
}

/**
 * How firmly weights are believed to be 0 before any row speaks: nine of ten arms, and nine of ten
 * values, are within e^±1.6 of the odds of all, and what is special of a pair within e^±0.8.
 */
const precisions = { all: 1, arm: 1, value: 1, pair: 4 } as const
type Kind = keyof typeof precisions

/** Weights are found to about so much; draws are far wider. */
const tolerance = 1e-4
const sweepsMax = 200

/** A step of Newton's that is longer comes from where the curve is flat, and would miss. */
const stepMax = 2

/** Cells looked at between two turns of others: well below a millisecond. */
const cellsAtOnce = 4_096

interface Feature {
  weight: number
  readonly prior: number
  readonly precision: number
  /** Its own, and what the rows say. */
  certainty: number
  readonly cells: FittedCell[]
}

interface FittedCell {
  readonly trials: number
  readonly rewards: number
  logOdds: number
}

/** What a regression learnt. */
export class Logistic {
  private readonly features: ReadonlyMap<string, Feature>

  private constructor(features: ReadonlyMap<string, Feature>) {
    this.features = features
  }

  /** Learns from cells: the same ones in the same order, the same. In steps, for others to have a turn. */
  static *learn(cells: readonly LogisticCell[]): Generator<void, Logistic> {
    const features = new Map<string, Feature>()
    const prior = rateOf(cells)
    for (const cell of cells) addCell(cell, prior, features)
    const all = [...features.values()]
    for (let sweep = 0; sweep < sweepsMax; sweep++) {
      let moved = 0
      let seen = 0
      for (const feature of all) {
        moved = Math.max(moved, Math.abs(improve(feature)))
        seen += feature.cells.length
        if (seen < cellsAtOnce) continue
        seen = 0
        yield
      }
      if (moved < tolerance) break
      yield
    }
    for (const feature of all) feature.certainty = feature.precision + informationOf(feature)
    return new Logistic(features)
  }

  /** Of any arm and values: what was never met counts as it would before any row. */
  of(arm: string, values: readonly string[]): LogOdds {
    let mean = 0
    let variance = 0
    for (const [kind, name] of namesOf(arm, values)) {
      const feature = this.features.get(name)
      mean += feature?.weight ?? 0
      variance += 1 / (feature?.certainty ?? precisions[kind])
    }
    return { mean, deviation: Math.sqrt(variance) }
  }
}

/** Log-odds of a reward of anything, kept away from never and always. */
function rateOf(cells: readonly LogisticCell[]): number {
  const trials = cells.reduce((sum, cell) => sum + cell.trials, 0)
  const rewards = cells.reduce((sum, cell) => sum + cell.rewards, 0)
  return ln((rewards + 0.5) / (trials - rewards + 0.5))
}

function addCell(
  { arm, values, trials, rewards }: LogisticCell,
  ofAll: number,
  features: Map<string, Feature>,
): void {
  const cell = { trials, rewards, logOdds: ofAll }
  for (const [kind, name] of namesOf(arm, values)) {
    let feature = features.get(name)
    if (feature === undefined) {
      const prior = kind === 'all' ? ofAll : 0
      const precision = precisions[kind]
      feature = { weight: prior, prior, precision, certainty: precision, cells: [] }
      features.set(name, feature)
    }
    feature.cells.push(cell)
  }
}

/** Moves a weight to where it is best while the others stay, by a step of Newton's. */
function improve(feature: Feature): number {
  let slope = feature.precision * (feature.weight - feature.prior)
  let curve = feature.precision
  for (const { trials, rewards, logOdds } of feature.cells) {
    const rate = rateOfLogOdds(logOdds)
    slope += trials * rate - rewards
    curve += trials * rate * (1 - rate)
  }
  const step = Math.max(-stepMax, Math.min(stepMax, -slope / curve))
  feature.weight += step
  for (const cell of feature.cells) cell.logOdds += step
  return step
}

function informationOf({ cells }: Feature): number {
  let sum = 0
  for (const { trials, logOdds } of cells) {
    const rate = rateOfLogOdds(logOdds)
    sum += trials * rate * (1 - rate)
  }
  return sum
}

/** No name and no value contains a line's end. */
function* namesOf(arm: string, values: readonly string[]): Generator<readonly [Kind, string]> {
  yield ['all', '']
  yield ['arm', `arm\n${arm}`]
  for (const [place, value] of values.entries()) {
    yield ['value', `${place}\n${value}`]
    yield ['pair', `${place}\n${value}\n${arm}`]
  }
}
