import type { Calendar } from '../decision/calendar.ts'
import type { Choice } from '../decision/decide.ts'
import { isKnownChoice } from '../decision/logged-chance.ts'
import type { LoggedDecision } from '../decision/logged-decision.ts'
import { showAgain } from '../decision/made-again.ts'
import type { Playbook } from '../decision/playbook.ts'
import { noModel } from './model.ts'

/*
 * The reach of an arm: the share of decisions in it that show something else than they had shown in
 * the control, to the same person at the same moment. Each decision is made again, once as it was and
 * once in the control; chance falls the same, because it follows from the decision's id.
 */

/** Of decisions in an arm that were made again; additive. */
export interface ReachSums {
  readonly arm: string
  readonly changed: number
  readonly same: number
  /** What the control had shown cannot be known of these. */
  readonly notKnown: number
}

/** Of an arm, against the control. */
export interface Reach {
  /** Undefined where nothing could be compared. */
  readonly share: number | undefined
  /** Decisions that were compared. */
  readonly of: number
  /** Decisions beside them of which it is not known. */
  readonly notKnown: number
}

export type Remade = 'changed' | 'same' | 'notKnown'

export function addReach(a: readonly ReachSums[], b: readonly ReachSums[]): ReachSums[] {
  const arms = [...new Set([...a, ...b].map(({ arm }) => arm))].sort()
  return arms.map((arm) => {
    const [one, other] = [reachIn(a, arm), reachIn(b, arm)]
    return {
      arm,
      changed: one.changed + other.changed,
      same: one.same + other.same,
      notKnown: one.notKnown + other.notKnown,
    }
  })
}

export function reachOf(sums: readonly ReachSums[], arm: string): Reach {
  const { changed, same, notKnown } = reachIn(sums, arm)
  const of = changed + same
  return { share: of === 0 ? undefined : changed / of, of, notKnown }
}

/** In which arm of an experiment a decision was made; undefined where in none. */
export function armLogged({ choices }: LoggedDecision, experiment: string): string | undefined {
  const prefix = `${experiment}=`
  for (const { arms } of choices)
    for (const arm of arms) if (arm.startsWith(prefix)) return arm.slice(prefix.length)
  return undefined
}

/**
 * Whether a decision had shown something else in the control, at any placement where the experiment
 * counted. Not known of what cannot be made again as it was; of an experiment that had no such arm
 * then; and where the control compares arms of which the log does not tell what the model said.
 */
export function remadeIn(
  control: string,
  experiment: string,
  logged: LoggedDecision,
  playbook: Playbook,
  calendar: Calendar,
): Remade {
  const then = playbook.experiments.find(({ name }) => name === experiment)
  if (then?.arms.every(({ name }) => name !== control) ?? true) return 'notKnown'
  const own = showAgain(logged, playbook, calendar)
  if (own?.isSame !== true) return 'notKnown'
  const forced = new Map([[experiment, control]])
  const other = showAgain(logged, playbook, calendar, forced)
  if (other === undefined) return 'notKnown'
  const prefix = `${experiment}=`
  const isTried = logged.choices.map(({ arms }) => arms.some((arm) => arm.startsWith(prefix)))
  // What comes first in an answer is not shown again further down, so all up to the last matter.
  const before = other.choices.slice(0, isTried.lastIndexOf(true) + 1)
  const isKnown = before.every(
    (choice, i) =>
      isKnownChoice(choice, logged.decision) && isOfOneBucket(choice, own.choices[i], logged.model),
  )
  if (!isKnown) return 'notKnown'
  const isChanged = before.some(
    (choice, i) => isTried[i] === true && shownBy(choice) !== shownBy(own.choices[i]),
  )
  return isChanged ? 'changed' : 'same'
}

function reachIn(sums: readonly ReachSums[], arm: string): ReachSums {
  return sums.find((one) => one.arm === arm) ?? { arm, changed: 0, same: 0, notKnown: 0 }
}

/** A bucket may ask for the arm: then the model said something else of it than was logged. */
function isOfOneBucket(choice: Choice, own: Choice | undefined, model: number): boolean {
  if (model === noModel.version) return true
  const [trial, other] = [trialOf(choice), trialOf(own)]
  return trial === undefined || other === undefined || trial === other
}

function trialOf(choice: Choice | undefined): string | undefined {
  return choice?.propositions[0]?.trial ?? choice?.wouldHave?.[0]?.trial
}

/** What a person sees, as text: content counts, since it may ask for the arm too. */
function shownBy(choice: Choice | undefined): string {
  return JSON.stringify(
    choice?.propositions.map(({ offer, treatment, content }) => [offer, treatment, content]),
  )
}
