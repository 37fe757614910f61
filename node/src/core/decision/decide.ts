import type { PlacementAnswer, Reason, Value } from '@halfsecond/protocol'
import type { FeatureState } from '../features/feature-state.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import type { Model } from '../learning/model.ts'
import type { Born } from '../profile/arm.ts'
import { type Chosen, choose, traceOf } from './arbitrate.ts'
import { type Assignment, assignmentAt } from './assignment.ts'
import type { Calendar } from './calendar.ts'
import { type Chance, learnedChance } from './chance.ts'
import { Evaluation } from './evaluation.ts'
import { closedGate } from './gate.ts'
import type { Placement, Playbook } from './playbook.ts'
import { candidatesAt } from './templates.ts'
import type { Trace } from './verdict.ts'

/** What a decision knows of a person. */
export interface Profile {
  readonly traits: Registers<TraitValue> | null
  readonly consents: Registers<boolean> | null
  readonly features: FeatureState
  /** The eldest of its fragments, which its arms follow from; null: no experiment counts. */
  readonly eldest: Born | null
}

/** Purpose that deciding needs consent for. */
export const personalise = 'personalise'

/** A proposition that somebody was given, of which the profile does not know all. */
export interface Exposure {
  readonly placement: string
  readonly offer: string
  /**
   * What the profile knows: that it was granted, or that it was displayed; `repeated`: that it was
   * granted to this very decision, which is asked again. Undefined: nothing.
   */
  readonly known?: 'granted' | 'displayed' | 'repeated'
}

/** What is asked, apart from whom it is about. */
export interface DecideRequest {
  readonly placements: readonly Placement[]
  /** Milliseconds since 1970. */
  readonly now: number
  /** Given to this person a moment ago, and not among the displays of the profile yet. */
  readonly exposures: readonly Exposure[]
  /**
   * Whether whoever decides knows all that was given, as is assumed by default. A standby does not:
   * it assumes one more exposure than it knows of, and grants nothing.
   */
  readonly isPrimary?: boolean
  /** Draws what is left to chance: the id of the decision. By default the same every time. */
  readonly seed?: string
  /** What was learnt; by default nothing. */
  readonly model?: Model
  /** By experiment the arm, instead of the person's own: to try what an arm shows. */
  readonly arms?: ReadonlyMap<string, string>
  /** Offers that somebody shows beside already, so that they are not shown again; by default none. */
  readonly taken?: readonly string[]
  /** What the log had no room for in a strict limit a moment ago; by default nothing. */
  readonly refused?: readonly Exposure[]
}

/** One thing to show, before it is signed. Default content has no offer. */
export interface Proposition {
  readonly content: Value
  readonly offer?: string
  readonly treatment?: string
  /** With what probability it was chosen; 1 where nothing was left to chance. */
  readonly probability?: number
  /** What is learnt from its outcomes; absent where nobody learns. */
  readonly trial?: string
}

export interface Choice {
  readonly placement: Placement
  readonly reason: Reason
  /** Arms of the experiments that run here, `experiment=arm`. */
  readonly arms?: readonly string[]
  /** Of a person who is held out: what the rules would have shown. */
  readonly wouldHave?: readonly Proposition[]
  /** Whether an experiment may be why this is shown: then a display of default content counts, too. */
  readonly isTried?: boolean
  /** By slot and arm, P as it was compared; only where chance decided. */
  readonly rates?: Float32Array
  readonly propositions: readonly Proposition[]
}

/**
 * Decides what one person sees at some placements: a pure function of its arguments. An offer
 * appears once in an answer, and what the answer shows already counts in the limits on `display`
 * of what it shows beside.
 * @param trace collects why, per placement; asking for it changes no choice
 */
export function decide(
  profile: Profile,
  request: DecideRequest,
  playbook: Playbook,
  calendar: Calendar,
  trace?: Map<string, Trace>,
): Choice[] {
  const { placements } = request
  const evaluation = new Evaluation(profile, playbook, calendar, request.now, request)
  const isAllowed = mayPersonalise(profile, playbook)
  const taken = new Set<string>(request.taken)
  const isShared = placements.length > 1 || placements.some(({ count }) => count > 1)
  return placements.map((placement) => {
    if (!isAllowed) return defaultContent(placement, 'consent')
    const assignment = assignmentAt(placement, profile, request)
    evaluation.at(placement, assignment.arms)
    const closed = closedGate(placement.gate, evaluation)
    if (closed !== undefined) {
      trace?.set(
        placement.name,
        traceOf(candidatesAt(placement, evaluation), placement, evaluation, () => closed),
      )
      return defaultContent(placement, 'fallback')
    }
    const chance = chanceAt(placement, assignment, request, evaluation)
    if (assignment.shows === 'fallback')
      // What is not shown is not taken, and counts in no limit.
      return heldOut(
        placement,
        assignment,
        choose(placement, evaluation, { chance, trace, taken: new Set(taken), isShared: false }),
      )
    const made = choose(placement, evaluation, { chance, trace, taken, isShared })
    return chosen(placement, assignment, chance, made)
  })
}

function chosen(
  placement: Placement,
  assignment: Assignment,
  chance: Chance | undefined,
  made: Chosen,
): Choice {
  const isNothing = made.propositions.length === 0
  // Most placements neither learn nor try anything: their choices are made without a copy.
  if (assignment.arms.length === 0 && chance === undefined)
    return isNothing
      ? defaultContent(placement, 'fallback')
      : { placement, reason: 'rules', propositions: made.propositions }
  return isNothing
    ? { ...defaultContent(placement, 'fallback'), ...said(assignment) }
    : {
        placement,
        reason: chance === undefined ? 'rules' : 'sampled',
        ...said(assignment),
        ...made,
      }
}

/** What is left to chance; undefined where the rules leave nothing to it. */
function chanceAt(
  placement: Placement,
  { shows }: Assignment,
  request: DecideRequest,
  evaluation: Evaluation,
): Chance | undefined {
  if (shows === 'unlearned') return undefined
  if (shows !== 'random') return learnedChance(placement, request, evaluation)
  const bucket = placement.learning?.bucketOf(evaluation) ?? ''
  return { model: undefined, bucket, explore: 1, seed: request.seed ?? '' }
}

/** Default content for somebody whom the rules would have shown something. */
function heldOut(placement: Placement, assignment: Assignment, made: Chosen): Choice {
  const { propositions, ...drawn } = made
  const isHeld = propositions.length > 0
  const choice = defaultContent(placement, isHeld ? 'holdout' : 'fallback')
  const tried = { ...said(assignment), ...drawn, isTried: isHeld || assignment.isRead }
  return isHeld ? { ...choice, ...tried, wouldHave: propositions } : { ...choice, ...tried }
}

function said({ arms, isRead }: Assignment): Pick<Choice, 'arms' | 'isTried'> {
  return arms.length === 0 ? nothing : { arms, isTried: isRead }
}

const nothing = {}

export function defaultContent(placement: Placement, reason: PlacementAnswer['reason']): Choice {
  return { placement, reason, propositions: [{ content: placement.fallback }] }
}

/** Whether the person agreed, or need not. */
export function mayPersonalise(profile: Profile, playbook: Playbook): boolean {
  const granted = profile.consents?.get(personalise)?.value
  return playbook.consent === 'required' ? granted === true : granted !== false
}
