import type { PlacementAnswer, Reason, Value } from '@halfsecond/protocol'
import type { Scope, Truth } from '../condition/compile.ts'
import { type Finding, find, type Read } from '../condition/read.ts'
import type { FeatureState } from '../features/feature-state.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import type { Calendar } from './calendar.ts'
import { blockingLimit, type LimitScope, type LimitState, limitState } from './limits.ts'
import type { Candidate, Limit, Placement, Playbook } from './playbook.ts'

/** What a decision knows of a person. */
export interface Profile {
  readonly traits: Registers<TraitValue> | null
  readonly consents: Registers<boolean> | null
  readonly features: FeatureState
}

/** Purpose that deciding needs consent for. */
export const personalise = 'personalise'

/** A proposition that somebody was given. */
export interface Exposure {
  readonly placement: string
  readonly offer: string
}

/** What is asked, apart from whom it is about. */
export interface DecideRequest {
  readonly placements: readonly Placement[]
  /** Milliseconds since 1970. */
  readonly now: number
  /** Given to this person a moment ago, and not among the displays of the profile yet. */
  readonly exposures: readonly Exposure[]
}

/** One thing to show, before it is signed. Default content has no offer. */
export interface Proposition {
  readonly content: Value
  readonly offer?: string
  readonly treatment?: string
}

export interface Choice {
  readonly placement: Placement
  readonly reason: Reason
  readonly propositions: readonly Proposition[]
}

/**
 * Why a candidate was chosen or not. `chosen` and `outranked` passed every rule, `taken` stands
 * elsewhere in the same answer, `content` refers to something unknown.
 */
export type Verdict =
  | { readonly kind: 'chosen' | 'outranked' | 'taken' | 'content' }
  | { readonly kind: 'when' | 'never' | 'group-never'; readonly truth: Truth }
  | { readonly kind: 'limit' | 'placement-limit'; readonly limit: Limit }

/** A candidate with its verdict, and what led to it. */
export interface Judged {
  readonly candidate: Candidate
  readonly verdict: Verdict
  /** What the rule of the verdict looked at; of `chosen` and `outranked`: what `when` did. */
  readonly findings: readonly Finding[]
  /** How the limit of the verdict stands. */
  readonly limitState: LimitState | undefined
}

export interface Trace {
  /** Every candidate of the placement, best first, with exactly one verdict. */
  readonly candidates: readonly Judged[]
  /** Every named condition, in the playbook's order. */
  readonly facts: readonly Truth[]
}

/**
 * Decides what one person sees at some placements: a pure function of its arguments. An offer
 * appears once in an answer, and what the answer shows already counts in the limits on `display`
 * of what it shows beside. Candidates stand ranked in the playbook, so the first that pass are the
 * best.
 * @param trace collects why, per placement; asking for it changes no choice
 */
export function decide(
  profile: Profile,
  { placements, now, exposures }: DecideRequest,
  playbook: Playbook,
  calendar: Calendar,
  trace?: Map<string, Trace>,
): Choice[] {
  const evaluation = new Evaluation(profile, playbook, calendar, now)
  for (const exposure of exposures) evaluation.expose(exposure)
  const isAllowed = mayPersonalise(profile, playbook)
  const taken = new Set<string>()
  const isShared = placements.length > 1 || placements.some(({ count }) => count > 1)
  return placements.map((placement) => {
    if (!isAllowed) return defaultContent(placement, 'consent')
    evaluation.at(placement)
    const propositions = choose(placement, evaluation, isShared, taken, trace)
    return propositions.length > 0
      ? { placement, reason: 'rules', propositions }
      : defaultContent(placement, 'fallback')
  })
}

export function defaultContent(placement: Placement, reason: PlacementAnswer['reason']): Choice {
  return { placement, reason, propositions: [{ content: placement.fallback }] }
}

function mayPersonalise(profile: Profile, playbook: Playbook): boolean {
  const granted = profile.consents?.get(personalise)?.value
  return playbook.consent === 'required' ? granted === true : granted !== false
}

function choose(
  placement: Placement,
  evaluation: Evaluation,
  isShared: boolean,
  taken: Set<string>,
  trace: Map<string, Trace> | undefined,
): Proposition[] {
  const propositions: Proposition[] = []
  const judged: Judged[] = []
  let closed = blockingLimit(placement.limits, evaluation)
  for (const candidate of placement.candidates) {
    if (propositions.length === placement.count && trace === undefined) break
    let verdict = closed ? placementLimit(closed) : judge(candidate, evaluation, taken)
    const content = verdict === undefined ? candidate.content(evaluation) : undefined
    if (verdict === undefined && content === undefined) verdict = noContent
    if (verdict === undefined && propositions.length === placement.count) verdict = outranked
    if (verdict === undefined && content !== undefined) {
      const { offer, treatment } = candidate
      propositions.push({ content, offer: offer.name, treatment })
      taken.add(offer.name)
      if (isShared) {
        evaluation.expose({ placement: placement.name, offer: offer.name })
        if (propositions.length < placement.count)
          closed = blockingLimit(placement.limits, evaluation)
      }
      verdict = chosen
    }
    if (trace && verdict) judged.push(tell(candidate, verdict, evaluation))
  }
  trace?.set(placement.name, { candidates: judged, facts: evaluation.allFacts() })
  return propositions
}

function tell(candidate: Candidate, verdict: Verdict, evaluation: Evaluation): Judged {
  const findings = find(readsOf(candidate, verdict), evaluation)
  const state = 'limit' in verdict ? limitState(verdict.limit, evaluation) : undefined
  return { candidate, verdict, findings, limitState: state }
}

/** What the rule behind a verdict looks at. */
function readsOf({ offer, contentReads }: Candidate, verdict: Verdict): readonly Read[] {
  switch (verdict.kind) {
    case 'chosen':
    case 'outranked':
    case 'when':
      return offer.when?.reads ?? []
    case 'never':
      return offer.never?.reads ?? []
    case 'group-never':
      return offer.group?.never?.reads ?? []
    case 'content':
      return contentReads
    case 'taken':
    case 'limit':
    case 'placement-limit':
      return []
  }
}

const chosen: Verdict = { kind: 'chosen' }
const outranked: Verdict = { kind: 'outranked' }
const alreadyTaken: Verdict = { kind: 'taken' }
const noContent: Verdict = { kind: 'content' }

function placementLimit(limit: Limit): Verdict {
  return { kind: 'placement-limit', limit }
}

/** The first rule that keeps the candidate out, or undefined. */
function judge(
  candidate: Candidate,
  evaluation: Evaluation,
  taken: Set<string>,
): Verdict | undefined {
  const { offer } = candidate
  if (taken.has(offer.name)) return alreadyTaken
  const groupNever = offer.group?.never?.test(evaluation)
  if (offer.group?.never && groupNever !== false) return { kind: 'group-never', truth: groupNever }
  const never = offer.never?.test(evaluation)
  if (offer.never && never !== false) return { kind: 'never', truth: never }
  const when = offer.when?.test(evaluation)
  if (offer.when && when !== true) return { kind: 'when', truth: when }
  const limit = blockingLimit(candidate.limits, evaluation)
  return limit ? { kind: 'limit', limit } : undefined
}

const unasked = 2
const unknown = 3

/** What conditions and limits read, for one person at one moment. Facts are evaluated once. */
class Evaluation implements Scope, LimitScope {
  readonly traits: Registers<TraitValue> | null
  readonly features: FeatureState
  readonly calendar: Calendar
  readonly now: number
  readonly zone: string
  channel = ''
  placement = ''
  private readonly playbook: Playbook
  /** 0 false, 1 true, or one of the two above. */
  private readonly facts: Uint8Array
  /** By feature: exposures that it does not count yet. Null: none. */
  private exposed: Map<number, number> | null = null

  constructor(profile: Profile, playbook: Playbook, calendar: Calendar, now: number) {
    this.traits = profile.traits
    this.features = profile.features
    this.calendar = calendar
    this.now = now
    this.playbook = playbook
    this.facts = new Uint8Array(playbook.facts.length).fill(unasked)
    const zone = profile.traits?.get('zone')?.value
    this.zone = typeof zone === 'string' ? zone : playbook.zone
  }

  /** Facts may read the placement, so they are asked again at each. */
  at(placement: Placement): void {
    this.channel = placement.channel
    this.placement = placement.name
    this.facts.fill(unasked)
  }

  /** A display of it will come, or will not: until then it counts as one. */
  expose({ placement, offer }: Exposure): void {
    this.exposed ??= new Map()
    for (const index of this.features.set.ofOutcome('display', offer, placement))
      this.exposed.set(index, (this.exposed.get(index) ?? 0) + 1)
  }

  exposures(feature: number): number {
    return this.exposed?.get(feature) ?? 0
  }

  fact(index: number): Truth {
    const known = this.facts[index]
    if (known === 0) return false
    if (known === 1) return true
    if (known === unknown) return undefined
    const truth = this.playbook.facts[index]?.condition.test(this)
    this.facts[index] = truth === undefined ? unknown : truth ? 1 : 0
    return truth
  }

  allFacts(): Truth[] {
    return this.playbook.facts.map((_fact, index) => this.fact(index))
  }
}
