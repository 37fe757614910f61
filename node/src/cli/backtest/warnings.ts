import type { LoggedChoices } from '../../core/learning/logged-choices.ts'
import { type Estimate, type Policy, unsupportedActions } from '../../core/learning/off-policy.ts'
import { didYouMean } from '../../playbook/faults.ts'
import { count } from '../import/progress.ts'
import { percent } from './backtest-texts.ts'

/** Actions that are named one by one. */
const namedMax = 5

/** A share of all weight that is too much for one row. */
const weightShareMax = 0.05

/** Further from 1 than by so many standard errors the mean weight comes by chance once in 15,000 logs. */
const meanWeightErrorsMax = 4

/** Propensities that are written with few digits are off by less, all in one direction. */
const meanWeightTolerance = 0.01

/** What an author should know before believing an estimate. */
export function warningsOf(log: LoggedChoices, policy: Policy, estimate: Estimate): string[] {
  return [...unsupportedWarning(log, policy, estimate), ...weightWarnings(estimate)]
}

/** What weights say of the estimates. */
export function weightWarnings(estimate: Estimate): string[] {
  return [...weightWarning(estimate), ...meanWeightWarning(estimate)]
}

function unsupportedWarning(
  log: LoggedChoices,
  policy: Policy,
  { unsupported }: Estimate,
): string[] {
  const missing = unsupportedActions(log, policy).map(([action]) => action)
  if (missing.length === 0) return []
  const named = missing.slice(0, namedMax).map((action) => `"${action}"`)
  const [first = ''] = missing
  const more = missing.length > namedMax ? ` and ${count(missing.length - namedMax)} more` : ''
  return [
    `the log never shows ${named.join(', ')}${more}, ${percent(unsupported)} of the policy: ips takes them to earn nothing, snips as much as the rest, dr as much as the log${didYouMean(first, log.actions)}`,
  ]
}

function weightWarning({ maxWeight, meanWeight, rows }: Estimate): string[] {
  const all = meanWeight.value * rows
  const share = all === 0 ? 0 : maxWeight / all
  if (share <= weightShareMax) return []
  return [
    `one single choice has ${percent(share)} of all the weight: what it earned decides the estimates, and the intervals are too narrow`,
  ]
}

function meanWeightWarning({ meanWeight, unsupported }: Estimate): string[] {
  const { value, standardError } = meanWeight
  const expected = 1 - unsupported
  const byChance = meanWeightErrorsMax * standardError
  if (Math.abs(value - expected) <= meanWeightTolerance + byChance) return []
  return [
    `weights are ${value.toPrecision(3)} on average and should be ${expected.toPrecision(3)}: the propensities are hardly those by which the log was chosen`,
  ]
}
