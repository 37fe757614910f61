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
  if (placement.learning === undefined) {
    const evaluation = openAt(profile, placement, request, playbook, calendar)
    if (evaluation === undefined) return []
    const taken = new Set<string>()
    const choosing = { chance: undefined, isShared: false, taken, trace: undefined }
    const [first] = choose(placement, evaluation, choosing).propositions
    return first?.offer === undefined || first.treatment === undefined
      ? []
      : [{ offer: first.offer, treatment: first.treatment, probability: 1 }]
  }
  const drawing = drawingAt(profile, placement, request, playbook, calendar)
  return Array.from(
    drawing?.lottery.probabilities() ?? [],
    ([{ offer, treatment }, probability]) => ({ offer: offer.name, treatment, probability }),
  ).filter(({ probability }) => probability > 0)
}

/** What a placement that learns draws from, whatever experiments run. */
export interface Drawing {
  readonly lottery: Lottery
  /** The visitor's. */
  readonly bucket: string
}

/** Undefined where default content is shown, or nothing is learnt. */
export function drawingAt(
  profile: Profile,
  placement: Placement,
  request: Omit<DecideRequest, 'placements'>,
  playbook: Playbook,
  calendar: Calendar,
): Drawing | undefined {
  const { learning, name } = placement
  const evaluation = openAt(profile, placement, request, playbook, calendar)
  if (learning === undefined || evaluation === undefined) return undefined
  if (blockingLimit(placement.limits, evaluation) !== undefined) return undefined
  const { model, seed = '' } = request
  const known = model?.of(name, learning.lesson)
  const bucket = learning.bucketOf(evaluation)
  const chance = { model: known, bucket, explore: learning.explore, seed }
  const candidates = candidatesAt(placement, evaluation)
  const none = new Set<string>()
  return {
    lottery: new Lottery(candidates, placement, evaluation, chance, none, undefined),
    bucket,
  }
}

/** What rules read there; undefined where nothing is shown whatever they say. */
function openAt(
  profile: Profile,
  placement: Placement,
  request: Omit<DecideRequest, 'placements'>,
  playbook: Playbook,
  calendar: Calendar,
): Evaluation | undefined {
  if (!mayPersonalise(profile, playbook)) return undefined
  const evaluation = new Evaluation(profile, playbook, calendar, request.now, request)
  evaluation.at(placement, [])
  return closedGate(placement.gate, evaluation) === undefined ? evaluation : undefined
}
