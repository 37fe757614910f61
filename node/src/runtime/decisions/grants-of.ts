import type { FragmentId } from '@halfsecond/protocol'
import type { Candidate, Placement, Playbook } from '../../core/decision/playbook.ts'
import { templateOf } from '../../core/features/feature-set.ts'
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
    ...{ id: root, at, decision, placement: placement.name, offer },
    ...(group !== undefined && { group }),
    channel: placement.channel,
  }
}

/** Of an item of a catalogue, what it has in common with the others of its template. */
export function candidateOf(
  { candidates, templates }: Placement,
  offer: string,
): Candidate | undefined {
  const own = candidates.find((one) => one.offer.name === offer)
  if (own !== undefined) return own
  const template = templateOf(offer)
  return templates.find(({ candidate }) => candidate.offer.name === template)?.candidate
}
