import type { FragmentId, Identifier } from '@halfsecond/protocol'
import type { Choice, Proposition } from '../../core/decision/decide.ts'
import type { Placement, Playbook } from '../../core/decision/playbook.ts'
import { candidateOf } from '../../core/decision/templates.ts'
import type { Shown } from '../../core/fragment/said.ts'
import type { Grant } from './grant-writer.ts'

/** A proposition that somebody was given, with what is learnt from it where being given it is the trial. */
export interface GivenProposition extends Shown {
  /** In whose timeline a display will stand; undefined: in that of any member. */
  readonly key?: Identifier
  readonly treatment?: string
  readonly trial?: string
  readonly arms?: readonly string[]
}

/** What is given with a proposition of a choice; undefined for default content. */
export function givenOf(
  decision: string,
  key: Identifier,
  { placement, arms }: Choice,
  { offer, treatment, trial }: Proposition,
): GivenProposition | undefined {
  if (offer === undefined) return undefined
  const shown = { key, decision, placement: placement.name, offer }
  if (!placement.isLater || treatment === undefined || trial === undefined) return shown
  return { ...shown, treatment, trial, ...(arms !== undefined && { arms }) }
}

/** The grants without limits of what was given: where deciding is the exposure, and nothing strict counts it. */
export function grantsOf(
  root: FragmentId,
  given: readonly GivenProposition[],
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
    if (placement === undefined || isStrict) continue
    if (counting.length === 0 && shown.trial === undefined) continue
    grants.push(grantOf(root, shown, placement, at))
  }
  return grants
}

export function grantOf(
  root: FragmentId,
  { key: _key, decision, offer, ...more }: GivenProposition,
  placement: Placement,
  at: number,
): Grant {
  const group = candidateOf(placement, offer)?.offer.group?.name
  return {
    ...more,
    id: root,
    at,
    decision,
    placement: placement.name,
    offer,
    ...(group !== undefined && { group }),
    channel: placement.channel,
  }
}
