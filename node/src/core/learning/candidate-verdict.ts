import type { Changes } from './candidate-changes.ts'
import type { CandidateEstimate } from './candidate-estimate.ts'
import { judge, type Verdict } from './verdict.ts'

/**
 * Whether a candidate earns more than the log. Where it differs in nothing there is nothing to find
 * out: so a log may be short, and need not have earned anything.
 * @param faulty decisions that are not in the estimate
 */
export function judgeCandidate(
  changes: Changes,
  estimate: CandidateEstimate,
  faulty: number,
): Verdict {
  const verdict = judge(estimate, faulty)
  if (verdict.kind !== 'refused' || !differsInNothing(changes, estimate)) return verdict
  const reasons = verdict.reasons.filter((one) => one !== 'ess' && one !== 'rewardless')
  return reasons.length === 0 ? { kind: 'undecided' } : { kind: 'refused', reasons }
}

/** Whether each decision shows the same, and with the same probability. */
export function differsInNothing(
  { agreement }: Changes,
  { maxWeight, meanWeight }: CandidateEstimate,
): boolean {
  return agreement === 1 && maxWeight === 1 && meanWeight.value === 1
}
