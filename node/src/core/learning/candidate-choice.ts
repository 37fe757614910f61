import { assignmentAt } from '../decision/assignment.ts'
import type { Calendar } from '../decision/calendar.ts'
import { type DecideRequest, decide, type Profile } from '../decision/decide.ts'
import { distribution } from '../decision/distribution.ts'
import { Evaluation } from '../decision/evaluation.ts'
import type { Placement, Playbook } from '../decision/playbook.ts'
import { templateOf } from '../features/feature-set.ts'
import { defaultArm, type Share } from './candidate-rows.ts'
import type { Model } from './model.ts'

/** What is shown: one offer in one form; undefined is default content. */
export interface Shown {
  readonly offer: string
  readonly treatment: string
}

/** What a playbook shows first at one placement, and what else it might have. */
export interface CandidateChoice {
  /** Given the same luck, and in the arms of its experiments. */
  readonly shown: Shown | undefined
  /** By arms, whatever experiments run; they sum up to 1. */
  readonly shares: readonly Share[]
  /** With what probability its rules show this; undefined is default content. */
  probabilityOf(shown: Shown | undefined): number
}

export interface Asked {
  readonly placement: Placement
  readonly request: Omit<DecideRequest, 'placements' | 'model'>
  /** What this very decision knew of rates: with its seed it draws what it drew. */
  readonly own: Model
  /** What was known before it: whoever is judged by it has no say in it. */
  readonly known: Model
}

/** What the playbook shows at a placement. */
export function choiceOf(
  profile: Profile,
  { placement, request, own, known }: Asked,
  playbook: Playbook,
  calendar: Calendar,
): CandidateChoice {
  const asked = { ...request, placements: [placement], model: own }
  const [choice] = decide(profile, asked, playbook, calendar)
  const { offer, treatment = '' } = choice?.propositions[0] ?? {}
  const shown = offer === undefined ? undefined : { offer, treatment }
  const isCertain = placement.learning === undefined && placement.experiments.length === 0
  if (isCertain)
    return {
      shown,
      shares: [{ arm: armOf(shown), probability: 1 }],
      probabilityOf: (other) => (isSame(shown, other) ? 1 : 0),
    }
  const likely = distribution(profile, placement, { ...request, model: known }, playbook, calendar)
  const anything = likely.reduce((sum, { probability }) => sum + probability, 0)
  const rest = likely.length === 0 ? 1 : Math.max(0, 1 - anything)
  const isRest = rest > rounding
  return {
    shown,
    shares: [
      ...likely.map((one) => ({ arm: armOf(one), probability: one.probability })),
      ...(isRest ? [{ arm: defaultArm, probability: rest }] : []),
    ],
    probabilityOf: (other) =>
      other === undefined
        ? isRest
          ? rest
          : 0
        : (likely.find((one) => isSame(one, other))?.probability ?? 0),
  }
}

/** Probabilities of 64ths and of shares to explore sum up to 1 but for this. */
const rounding = 1e-9

/** Items of a template are one arm. */
export function armOf(shown: Shown | undefined): string {
  if (shown === undefined) return defaultArm
  const { offer, treatment } = shown
  return `${templateOf(offer) ?? offer} ${treatment}`
}

export function isSame(one: Shown | undefined, other: Shown | undefined): boolean {
  return one?.offer === other?.offer && one?.treatment === other?.treatment
}

/** The visitor's bucket at a placement that learns; elsewhere all are one. */
export function bucketAt(
  { placement, request }: Asked,
  profile: Profile,
  playbook: Playbook,
  calendar: Calendar,
): string {
  const { learning } = placement
  if (learning === undefined || learning.by.length === 0) return ''
  const asked = { ...request, placements: [placement] }
  const evaluation = new Evaluation(profile, playbook, calendar, request.now, asked)
  evaluation.at(placement, assignmentAt(placement, profile, asked).arms)
  return learning.bucketOf(evaluation)
}
