import type { FragmentId } from '@halfsecond/protocol'
import type { Placement, Playbook } from '../../core/decision/playbook.ts'
import { candidateOf } from '../../core/decision/templates.ts'
import type { Shown } from '../../core/fragment/said.ts'
import type { Grant } from './grant-writer.ts'

/** The grants without limits of what was given: where deciding is the exposure, and nothing strict counts it. */
export function grantsOf(
  root: FragmentId,
  given: readonly Shown[],
  playbook: Playbook,
  at: number,
): readonly Grant[] {
  const grants: Grant[] = []
  for (const shown of given) {
    const { isStrict, grants: counting } = playbook.features.ofExposure(
      shown.offer,
      shown.placement,
    )
    const placement = playbook.placements.get(shown.placement)
    if (placement === undefined || isStrict || counting.length === 0) continue
    grants.push(grantOf(root, shown, placement, at))
  }
  return grants
}

export function grantOf(root: FragmentId, shown: Shown, placement: Placement, at: number): Grant {
  const group = candidateOf(placement, shown.offer)?.offer.group?.name
  const { decision, offer } = shown
  return {
    id: root,
    at,
    decision,
    placement: placement.name,
    offer,
    ...(group !== undefined && { group }),
    channel: placement.channel,
  }
}
