import { choose } from './arbitrate.ts'
import type { Calendar } from './calendar.ts'
import { type DecideRequest, mayPersonalise, type Profile } from './decide.ts'
import { Evaluation } from './evaluation.ts'
import { closedGate } from './gate.ts'
import { blockingLimit } from './limits.ts'
import { Lottery } from './lottery.ts'
import type { Placement, Playbook } from './playbook.ts'
import { candidatesAt } from './templates.ts'

/** What a playbook would show first at a placement, and with what probability. */
export interface Likely {
  readonly offer: string
  readonly treatment: string
  /** Above 0. */
  readonly probability: number
}

/**
 * With what probability each offer is shown first at a placement, by its rules and what was learnt,
 * whatever experiments run. Sums up to 1; nothing where default content is shown.
 */
export function distribution(
  profile: Profile,
  placement: Placement,
  request: Omit<DecideRequest, 'placements'>,
  playbook: Playbook,
  calendar: Calendar,
): Likely[] {
  const evaluation = new Evaluation(profile, playbook, calendar, request.now, request)
  if (!mayPersonalise(profile, playbook)) return []
  evaluation.at(placement, [])
  if (closedGate(placement.gate, evaluation) !== undefined) return []
  const { learning, name } = placement
  if (learning === undefined) {
    const taken = new Set<string>()
    const choosing = { chance: undefined, isShared: false, taken, trace: undefined }
    const [first] = choose(placement, evaluation, choosing).propositions
    return first?.offer === undefined || first.treatment === undefined
      ? []
      : [{ offer: first.offer, treatment: first.treatment, probability: 1 }]
  }
  if (blockingLimit(placement.limits, evaluation) !== undefined) return []
  const { model, seed = '' } = request
  const known = model?.of(name, learning.lesson)
  const bucket = learning.bucketOf(evaluation)
  const chance = { model: known, bucket, explore: learning.explore, seed }
  const candidates = candidatesAt(placement, evaluation)
  const lottery = new Lottery(candidates, placement, evaluation, chance, new Set(), undefined)
  return Array.from(lottery.probabilities(), ([{ offer, treatment }, probability]) => ({
    offer: offer.name,
    treatment,
    probability,
  })).filter(({ probability }) => probability > 0)
}
