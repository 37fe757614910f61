import { choose } from './arbitrate.ts'
import type { Calendar } from './calendar.ts'
import { learnedChance } from './chance.ts'
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
    const taken = new Set<string>(request.taken)
    const choosing = { chance: undefined, isShared: false, taken, trace: undefined }
    const [first] = choose(placement, evaluation, choosing).propositions
    return first?.offer === undefined || first.treatment === undefined
      ? []
      : [{ offer: first.offer, treatment: first.treatment, probability: 1 }]
  }
  return likelyIn(drawingAt(profile, placement, request, playbook, calendar))
}

/** With what probability each offer is drawn next. */
export function likelyIn(drawing: Drawing | undefined): Likely[] {
  const likely: Likely[] = []
  for (const [{ offer, treatment }, probability] of drawing?.lottery.probabilities() ?? [])
    if (probability > 0) likely.push({ offer: offer.name, treatment, probability })
  return likely
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
  const evaluation = openAt(profile, placement, request, playbook, calendar)
  if (evaluation === undefined) return undefined
  if (blockingLimit(placement.limits, evaluation) !== undefined) return undefined
  const { model, seed = '' } = request
  const chance = learnedChance(placement, { seed, ...(model && { model }) }, evaluation)
  if (chance === undefined) return undefined
  const candidates = candidatesAt(placement, evaluation)
  const taken = new Set<string>(request.taken)
  return {
    lottery: new Lottery(candidates, placement, evaluation, chance, taken, undefined),
    bucket: chance.bucket,
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
