import { modelledSum } from './direct-model.ts'
import { addSums, emptySums, type LoggedChoices, type Sums } from './logged-choices.ts'

/** With what probability a policy chooses each action; what is not here it never chooses. */
export type Policy = ReadonlyMap<string, number>

/** A value with its standard error. */
export interface Measured {
  readonly value: number
  readonly standardError: number
}

/** Half the width of a 95 % interval, in standard errors. */
export const halfWidthErrors = 1.96

/** What a policy would have earned, by a log of what another one chose. Rewards are per choice. */
export interface Estimate {
  readonly rows: number
  /** What the log earned. */
  readonly logged: Measured
  /** Inverse propensity scoring: rewards weighted by how much rather the policy chooses the action. */
  readonly ips: Measured
  /** The same, divided by the sum of weights: a little biased, and much steadier. */
  readonly snips: Measured
  /** Doubly robust: what is expected by action and bucket, corrected by what came instead. */
  readonly dr: Measured
  /** How much more than the log the policy earns, by `snips`. */
  readonly gain: Measured
  /** How many rows of the policy itself would say as much. */
  readonly ess: number
  readonly maxWeight: number
  /** 1 less `unsupported`, up to chance, where the propensities are those that the log chose by. */
  readonly meanWeight: Measured
  /** The policy's share of actions that the log never chose: nothing is known of them. */
  readonly unsupported: number
}

/** The policy that chooses each of the actions alike. */
export function uniformPolicy(actions: ReadonlySet<string>): Policy {
  return new Map(Array.from(actions, (action) => [action, 1 / actions.size]))
}

/** What the policy would have earned. Of a log without rows everything is 0. */
export function estimate(log: LoggedChoices, policy: Policy): Estimate {
  const { rows, weighted } = sumsUnder(log, policy)
  const { n } = rows
  if (n === 0) return nothing
  const mean = rows.r / n
  const meanWeight = weighted.u / n
  const ips = weighted.ur / n
  const snips = weighted.u === 0 ? 0 : weighted.ur / weighted.u
  // Deviations of a row, as sums: w (r - snips) for snips, (r - mean) for the log, and of both.
  const ofSnips = weighted.uurr - 2 * snips * weighted.uur + snips * snips * weighted.uu
  const ofLog = rows.rr - n * mean * mean
  const ofBoth = weighted.urr - mean * weighted.ur - snips * weighted.ur + snips * mean * weighted.u
  const gainSquares =
    meanWeight === 0 ? 0 : ofSnips / meanWeight ** 2 - (2 * ofBoth) / meanWeight + ofLog
  const modelled = modelledSum(log, policy)
  return {
    rows: n,
    logged: measured(mean, ofLog, n),
    ips: measured(ips, weighted.uurr - n * ips * ips, n),
    snips: measured(snips, meanWeight === 0 ? 0 : ofSnips / meanWeight ** 2, n),
    dr: measured(modelled.sum / n, modelled.squares - modelled.sum ** 2 / n, n),
    gain: measured(snips - mean, gainSquares, n),
    ess: weighted.uu === 0 ? 0 : weighted.u ** 2 / weighted.uu,
    maxWeight: weighted.uMax,
    meanWeight: measured(meanWeight, weighted.uu - n * meanWeight * meanWeight, n),
    unsupported: unsupportedActions(log, policy).reduce((share, [, part]) => share + part, 0),
  }
}

/** What the policy may choose and the log never did, by the policy's share. */
export function unsupportedActions(
  log: LoggedChoices,
  policy: Policy,
): (readonly [action: string, share: number])[] {
  return [...policy].filter(([action, share]) => share > 0 && !log.actions.has(action))
}

/** Sums over all rows as they are, and with weights in place of the inverse propensities. */
function sumsUnder(
  log: LoggedChoices,
  policy: Policy,
): { readonly rows: Sums; readonly weighted: Sums } {
  const rows = emptySums()
  const weighted = emptySums()
  for (const { action, halves } of log.cells()) {
    const share = policy.get(action) ?? 0
    for (const half of halves) {
      addSums(rows, half)
      addSums(weighted, weightedBy(share, half))
    }
  }
  return { rows, weighted }
}

/** What the sums would be if each u were so many times as great. */
function weightedBy(share: number, sums: Sums): Sums {
  return {
    ...sums,
    u: sums.u * share,
    ur: sums.ur * share,
    urr: sums.urr * share,
    uu: sums.uu * share * share,
    uur: sums.uur * share * share,
    uurr: sums.uurr * share * share,
    uMax: sums.uMax * share,
  }
}

/** @param squares sum of the squared deviations of n rows; rounding can take it below 0 */
function measured(value: number, squares: number, n: number): Measured {
  return { value, standardError: n < 2 ? 0 : Math.sqrt(Math.max(0, squares) / (n - 1) / n) }
}

export const none: Measured = { value: 0, standardError: 0 }

/** Of a log without rows. */
export const nothing: Estimate = {
  rows: 0,
  logged: none,
  ips: none,
  snips: none,
  dr: none,
  gain: none,
  ess: 0,
  maxWeight: 0,
  meanWeight: none,
  unsupported: 0,
}
