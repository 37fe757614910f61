import { type Estimate, halfWidthErrors } from './off-policy.ts'

/** Below so many rows' worth of evidence no verdict is given: a handful of rows would decide it. */
export const essMin = 200

/** A policy that the log knows less of than this is another policy than the one that is judged. */
export const unsupportedMax = 0.05

/** Rows that had to be left out, as a share: more of them would hardly be left out at random. */
export const faultyMax = 0.01

/** What a gain may be by the rounding of sums alone, as a share of what the log earned. */
const roundingShare = 1e-9

export type Refusal = 'ess' | 'unsupported' | 'faulty' | 'rewardless'

/** Whether a policy earns more than what the log was made by. */
export type Verdict =
  | { readonly kind: 'better' | 'worse' | 'undecided' }
  | { readonly kind: 'refused'; readonly reasons: readonly Refusal[] }

/** @param faulty rows of the log that are not in the estimate */
export function judge(estimate: Estimate, faulty: number): Verdict {
  const { ess, unsupported, rows, logged, gain } = estimate
  const reasons: Refusal[] = []
  if (ess < essMin) reasons.push('ess')
  if (unsupported > unsupportedMax) reasons.push('unsupported')
  if (faulty > faultyMax * (rows + faulty)) reasons.push('faulty')
  if (logged.value === 0 && logged.standardError === 0) reasons.push('rewardless')
  if (reasons.length > 0) return { kind: 'refused', reasons }
  const byRounding = roundingShare * (Math.abs(logged.value) + logged.standardError)
  const byChance = halfWidthErrors * gain.standardError
  if (Math.abs(gain.value) <= byChance + byRounding) return { kind: 'undecided' }
  return { kind: gain.value > 0 ? 'better' : 'worse' }
}
