import type { Truth } from '../condition/compile.ts'
import { type Finding, find, type Read } from '../condition/read.ts'
import type { Evaluation } from './evaluation.ts'
import { blockingLimit, type LimitState, limitState } from './limits.ts'
import type { Candidate, Limit } from './playbook.ts'

/**
 * Why a candidate was chosen or not. `chosen` and `outranked` passed every rule, `taken` stands
 * elsewhere in the same answer, `content` refers to something unknown, `strict` needs a grant that
 * it cannot have.
 */
export type Verdict =
  | { readonly kind: 'chosen' | 'outranked' | 'taken' | 'content' }
  | { readonly kind: 'when' | 'never' | 'group-never'; readonly truth: Truth }
  | { readonly kind: 'limit' | 'placement-limit'; readonly limit: Limit }
  | { readonly kind: 'strict'; readonly why: 'standby' | 'refused' }

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

export function tell(candidate: Candidate, verdict: Verdict, evaluation: Evaluation): Judged {
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
    case 'strict':
      return []
  }
}

export const chosen: Verdict = { kind: 'chosen' }
export const outranked: Verdict = { kind: 'outranked' }
const alreadyTaken: Verdict = { kind: 'taken' }
export const noContent: Verdict = { kind: 'content' }

export function placementLimit(limit: Limit): Verdict {
  return { kind: 'placement-limit', limit }
}

/** The first rule that keeps the candidate out, or undefined. */
export function judge(
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
  if (limit) return { kind: 'limit', limit }
  const why = evaluation.ungranted(offer.name)
  return why && { kind: 'strict', why }
}
