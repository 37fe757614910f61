import type { Proposition } from './decide.ts'
import type { Evaluation } from './evaluation.ts'
import { blockingLimit } from './limits.ts'
import type { Placement } from './playbook.ts'
import {
  chosen,
  type Judged,
  judge,
  noContent,
  outranked,
  placementLimit,
  type Trace,
  tell,
} from './verdict.ts'

export function choose(
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
