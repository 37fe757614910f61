import { explanationsOf } from './explain.ts'
import type { Explanation } from './explanation.ts'
import type { LoggedDecision, Rederived } from './logged-decision.ts'
import type { Playbook } from './playbook.ts'

/**
 * Puts a decision of the past into words, one explanation per placement, in the order in which they
 * were asked for.
 * @param when the time of the decision, in words
 */
export function explainPast(
  { decision, playbookVersion, isFresh, position, members }: LoggedDecision,
  { choices, traces }: Rederived,
  playbook: Playbook,
  when: string,
): Explanation[] {
  return explanationsOf({
    playbook,
    traces,
    members: members.map(({ id }) => id),
    when,
    answer: {
      kind: 'decision',
      decision,
      playbook: playbookVersion,
      freshness: isFresh ? 'fresh' : 'stale',
      position,
      placements: choices.map(({ placement, reason, propositions }) => ({
        placement: placement.name,
        reason,
        propositions,
      })),
    },
  })
}
