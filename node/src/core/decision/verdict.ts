import type { Truth } from '../condition/compile.ts'
import { type Finding, find, type Read } from '../condition/read.ts'
import type { Evaluation } from './evaluation.ts'
import { blockingLimit, type LimitScope, type LimitState, limitState } from './limits.ts'
import type { Candidate, Condition, Limit, QuietHours } from './playbook.ts'
import type { Score } from './rank.ts'

/**
 * Why a candidate was chosen or not. `chosen` and `outranked` passed every rule, `taken` stands
 * elsewhere in the same answer, `content` refers to something unknown, `strict` needs a grant that
 * it cannot have, `inactive` is before or after its time. `quiet` and `channel` keep all candidates
 * of a channel out.
 */
export type Verdict =
  | { readonly kind: 'chosen' | 'outranked' | 'taken' | 'content' | 'inactive' }
  | { readonly kind: 'when' | 'never' | 'group-never'; readonly truth: Truth }
  | { readonly kind: 'limit' | 'placement-limit'; readonly limit: Limit }
  | { readonly kind: 'strict'; readonly why: 'standby' | 'refused' }
  | { readonly kind: 'quiet'; readonly quiet: QuietHours }
  | { readonly kind: 'channel'; readonly condition: Condition; readonly truth: Truth }

/** A candidate with its verdict, and what led to it. */
export interface Judged {
  readonly candidate: Candidate
  readonly verdict: Verdict
  /** What the rule of the verdict looked at; of `chosen` and `outranked`: what `when` did. */
  readonly findings: readonly Finding[]
  /** How the limit of the verdict stands. */
  readonly limitState: LimitState | undefined
  readonly score: Score
  /** Of one that chance chose: how probable that was. */
  readonly probability: number | undefined
}

export interface Trace {
  /** Every candidate of the placement, best first, with exactly one verdict. */
  readonly candidates: readonly Judged[]
  /** Every named condition, in the playbook's order. */
  readonly facts: readonly Truth[]
  /** In which arms of the placement's experiments the person is, `experiment=arm`. */
  readonly arms: readonly string[]
}

export function tell(
  candidate: Candidate,
  verdict: Verdict,
  score: Score,
  probability: number | undefined,
  evaluation: Evaluation,
): Judged {
  const findings = find(readsOf(candidate, verdict, evaluation), evaluation)
  const state =
    'limit' in verdict ? limitState(verdict.limit, scopeOf(candidate, evaluation)) : undefined
  return { candidate, verdict, findings, limitState: state, score, probability }
}

/** What the rule behind a verdict looks at. */
function readsOf(
  { offer, contentReads }: Candidate,
  verdict: Verdict,
  { locales }: Evaluation,
): readonly Read[] {
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
      return contentReads(locales)
    case 'channel':
      return verdict.condition.reads
    case 'taken':
    case 'limit':
    case 'placement-limit':
    case 'strict':
    case 'inactive':
    case 'quiet':
      return []
  }
}

export const chosen: Verdict = { kind: 'chosen' }
export const outranked: Verdict = { kind: 'outranked' }
const inactive: Verdict = { kind: 'inactive' }
const alreadyTaken: Verdict = { kind: 'taken' }
export const noContent: Verdict = { kind: 'content' }

export function placementLimit(limit: Limit): Verdict {
  return { kind: 'placement-limit', limit }
}

/** The limit that keeps the candidate out, or undefined. */
export function limitOn(candidate: Candidate, evaluation: Evaluation): Limit | undefined {
  return blockingLimit(candidate.limits, scopeOf(candidate, evaluation))
}

function scopeOf({ item, offer }: Candidate, evaluation: Evaluation): LimitScope {
  return item === null ? evaluation : evaluation.limitsOf(offer.name)
}

/** The first rule that keeps the candidate out, or undefined. */
export function judge(
  candidate: Candidate,
  evaluation: Evaluation,
  taken: ReadonlySet<string>,
): Verdict | undefined {
  const { offer } = candidate
  const { group, never, when } = offer
  evaluation.item = candidate.item
  if (evaluation.now < offer.starts || evaluation.now >= offer.ends) return inactive
  if (taken.has(offer.name)) return alreadyTaken
  const groupNever = group === undefined ? false : evaluation.groupNever(group)
  if (groupNever !== false) return { kind: 'group-never', truth: groupNever }
  const isExcluded = never === undefined ? false : never.test(evaluation)
  if (isExcluded !== false) return { kind: 'never', truth: isExcluded }
  const isAdmitted = when === undefined ? true : when.test(evaluation)
  if (isAdmitted !== true) return { kind: 'when', truth: isAdmitted }
  const limit = limitOn(candidate, evaluation)
  if (limit) return { kind: 'limit', limit }
  const why = evaluation.ungranted(offer.name)
  return why && { kind: 'strict', why }
}
