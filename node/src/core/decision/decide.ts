import type { FragmentId, PlacementAnswer, Reason, Value } from '@halfsecond/protocol'
import type { FeatureState } from '../features/feature-state.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import type { Model } from '../learning/model.ts'
import { choose, traceOf } from './arbitrate.ts'
import type { Calendar } from './calendar.ts'
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
  /** The eldest of its fragments, which its arms follow from; undefined: no experiment counts. */
  readonly eldest?: FragmentId
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
  /** Arms of the experiments that count here, `experiment=arm`. */
  readonly arms?: readonly string[]
  /** Of a person who is held out: what the rules would have shown. */
  readonly wouldHave?: readonly Proposition[]
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
  const taken = new Set<string>()
  const isShared = placements.length > 1 || placements.some(({ count }) => count > 1)
  return placements.map((placement) => {
    if (!isAllowed) return defaultContent(placement, 'consent')
    evaluation.at(placement)
    const closed = closedGate(placement.gate, evaluation)
    if (closed !== undefined) {
      trace?.set(
        placement.name,
        traceOf(candidatesAt(placement, evaluation), placement, evaluation, () => closed),
      )
      return defaultContent(placement, 'fallback')
    }
    const propositions = choose(placement, evaluation, isShared, taken, trace)
    return propositions.length > 0
      ? { placement, reason: 'rules', propositions }
      : defaultContent(placement, 'fallback')
  })
}

export function defaultContent(placement: Placement, reason: PlacementAnswer['reason']): Choice {
  return { placement, reason, propositions: [{ content: placement.fallback }] }
}

/** Whether the person agreed, or need not. */
export function mayPersonalise(profile: Profile, playbook: Playbook): boolean {
  const granted = profile.consents?.get(personalise)?.value
  return playbook.consent === 'required' ? granted === true : granted !== false
}
