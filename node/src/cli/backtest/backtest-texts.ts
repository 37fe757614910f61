import { type Estimate, halfWidthErrors, type Measured } from '../../core/learning/off-policy.ts'
import { essMin, faultyMax, type Refusal, type Verdict } from '../../core/learning/verdict.ts'
import { count, describeSeconds } from '../import/progress.ts'
import { tableOf } from '../table.ts'

/** All that a backtest found. */
export interface Backtested {
  readonly file: string
  readonly policy: string
  readonly actions: number
  /** How many different contexts; 1 where none were asked for. */
  readonly contexts: number
  readonly faulty: number
  readonly estimate: Estimate
  readonly verdict: Verdict
  readonly warnings: readonly string[]
  readonly used: Used
}

/** What it took. */
export interface Used {
  readonly rows: number
  readonly bytes: number
  readonly seconds: number
  readonly cpuSeconds: number
  /** The most that the process had at any time. */
  readonly memoryBytes: number
}

/** Numbers unrounded; an interval is `[low, high]`. */
export function backtestAsJson(tested: Backtested): { readonly [name: string]: unknown } {
  const { estimate, verdict, ...rest } = tested
  return { ...rest, ...estimateAsJson(estimate, verdict) }
}

export function estimateAsJson(
  estimate: Estimate,
  verdict: Verdict,
): { readonly [name: string]: unknown } {
  const { logged, ips, snips, dr, gain, meanWeight, ...plain } = estimate
  return {
    ...plain,
    ips: ips.value,
    standardError: ips.standardError,
    interval: intervalOf(ips),
    snips: snips.value,
    snipsInterval: intervalOf(snips),
    dr: dr.value,
    drInterval: intervalOf(dr),
    logged: logged.value,
    loggedInterval: intervalOf(logged),
    gain: gain.value,
    gainInterval: intervalOf(gain),
    meanWeight: meanWeight.value,
    verdict: verdict.kind,
    refused: verdict.kind === 'refused' ? verdict.reasons : [],
  }
}

export function describeBacktest(tested: Backtested): string[] {
  const { file, policy, actions, contexts, estimate, verdict, used, warnings, faulty } = tested
  const { rows, ess, maxWeight } = estimate
  const inContexts = contexts > 1 ? ` in ${count(contexts)} contexts` : ''
  return [
    `${file}: ${count(rows)} choices among ${count(actions)} actions${inContexts}; the policy is ${policy}`,
    '',
    ...estimateTable('choice', 'policy', estimate),
    '',
    `effective sample size ${decimal(ess)} of ${count(rows)}; largest weight ${decimal(maxWeight)}`,
    `verdict: ${describeVerdict(verdict, estimate, faulty)}`,
    ...warnings.map((warning) => `warning: ${warning}`),
    '',
    `${describeUsed(used)}${faulty > 0 ? `; ${count(faulty)} faulty rows left out` : ''}`,
  ]
}

/** @param unit what earns a reward */
export function estimateTable(unit: string, policy: string, estimate: Estimate): string[] {
  return tableOf([
    [`reward per ${unit}`, '', '95 %'],
    row('the log itself', estimate.logged),
    row(`the ${policy}, snips`, estimate.snips),
    row(`the ${policy}, ips`, estimate.ips),
    row(`the ${policy}, dr`, estimate.dr),
  ])
}

function row(name: string, { value, standardError }: Measured): string[] {
  const halfWidth = halfWidthErrors * standardError
  return [name, rounded(value, halfWidth), `± ${rounded(halfWidth, halfWidth)}`]
}

/** @param faulty rows that are not in the estimate */
export function describeVerdict(verdict: Verdict, estimate: Estimate, faulty: number): string {
  const { gain } = estimate
  const halfWidth = halfWidthErrors * gain.standardError
  const amount = `${rounded(Math.abs(gain.value), halfWidth)} ± ${rounded(halfWidth, halfWidth)}`
  switch (verdict.kind) {
    case 'better':
      return `better: ${amount} more per choice than the log earned`
    case 'worse':
      return `worse: ${amount} less per choice than the log earned`
    case 'undecided':
      return `undecided: whether it earns more or less than the log does not show in ${count(estimate.rows)} choices`
    case 'refused':
      return `refused: ${verdict.reasons.map((one) => describeRefusal(one, estimate, faulty)).join('; ')}`
  }
}

function describeRefusal(refusal: Refusal, estimate: Estimate, faulty: number): string {
  switch (refusal) {
    case 'ess':
      return `as much as ${decimal(estimate.ess)} choices of the policy itself is not enough, ${essMin} are needed: a longer log, or a policy nearer to that of the log`
    case 'unsupported':
      return `${percent(estimate.unsupported)} of the policy's choices are actions that the log never shows`
    case 'faulty':
      return `${percent(faulty / (estimate.rows + faulty))} of the rows are faulty, more than ${percent(faultyMax)}: what they say is missing`
    case 'rewardless':
      return 'no choice of the log earned anything'
  }
}

export function describeUsed({ rows, bytes, seconds, cpuSeconds, memoryBytes }: Used): string {
  return `${count(rows)} rows, ${size(bytes)}, in ${describeSeconds(seconds)}; used ${describeSeconds(cpuSeconds)} of processor time and at most ${size(memoryBytes)} of memory`
}

function intervalOf({ value, standardError }: Measured): readonly [number, number] {
  const halfWidth = halfWidthErrors * standardError
  return [value - halfWidth, value + halfWidth]
}

/** Decimals that a number is told with at most. */
const decimalsMax = 9

/** To the digits that mean something: two of what it can be off by. */
export function rounded(value: number, offBy: number): string {
  const decimals = offBy > 0 ? 1 - Math.floor(Math.log10(offBy)) : 4
  return value.toFixed(Math.min(decimalsMax, Math.max(0, decimals)))
}

export function decimal(value: number): string {
  return value < 10 ? value.toFixed(1) : count(value)
}

function size(bytes: number): string {
  return bytes < 1e6
    ? `${Math.ceil(bytes / 1e3)} kB`
    : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
}

export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`
}
