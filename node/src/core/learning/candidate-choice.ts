import { assignmentAt } from '../decision/assignment.ts'
import type { Calendar } from '../decision/calendar.ts'
import { type DecideRequest, decide, type Profile } from '../decision/decide.ts'
import { Evaluation } from '../decision/evaluation.ts'
import type { Placement, Playbook } from '../decision/playbook.ts'
import { templateOf } from '../features/feature-set.ts'
import { defaultArm, type Share } from './candidate-rows.ts'

/** What is shown: one offer in one form; undefined is default content. */
export interface Shown {
  readonly offer: string
  readonly treatment: string
}

/** What a playbook shows first at one placement, and what else it might have. */
export interface CandidateChoice {
  readonly shown: Shown | undefined
  /** By arms; they sum up to 1. */
  readonly shares: readonly Share[]
  /** With what probability it shows this; undefined is default content. */
  probabilityOf(shown: Shown | undefined): number
}

/** What the playbook shows at the only placement of a request. */
export function choiceOf(
  profile: Profile,
  request: DecideRequest,
  playbook: Playbook,
  calendar: Calendar,
): CandidateChoice {
  const [choice] = decide(profile, request, playbook, calendar)
  const [first] = choice?.propositions ?? []
  const { offer, treatment = '' } = first ?? {}
  const shown = offer === undefined ? undefined : { offer, treatment }
  return {
    shown,
    shares: [{ arm: armOf(shown), probability: 1 }],
    probabilityOf: (other) => (isSame(shown, other) ? 1 : 0),
  }
}

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
  placement: Placement,
  profile: Profile,
  request: DecideRequest,
  playbook: Playbook,
  calendar: Calendar,
): string {
  const { learning } = placement
  if (learning === undefined || learning.by.length === 0) return ''
  const evaluation = new Evaluation(profile, playbook, calendar, request.now, request)
  evaluation.at(placement, assignmentAt(placement, profile, request).arms)
  return learning.bucketOf(evaluation)
}
