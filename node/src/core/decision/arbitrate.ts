import type { Proposition } from './decide.ts'
import type { Evaluation } from './evaluation.ts'
import { blockingLimit } from './limits.ts'
import type { Candidate, Formula, Placement } from './playbook.ts'
import { explainedScore, isBefore, scoreOf } from './rank.ts'
import { candidatesAt } from './templates.ts'
import {
  chosen,
  type Judged,
  judge,
  limitOn,
  noContent,
  outranked,
  placementLimit,
  type Trace,
  tell,
  type Verdict,
} from './verdict.ts'

/**
 * The best of what may be shown at a placement, best first.
 * @param isShared whether more is shown in the same answer, so that what is shown counts
 * @param taken offers that the answer shows already; what is chosen is added
 */
export function choose(
  placement: Placement,
  evaluation: Evaluation,
  isShared: boolean,
  taken: Set<string>,
  trace: Map<string, Trace> | undefined,
): Proposition[] {
  const verdicts = trace && new Map<Candidate, Verdict>()
  const candidates = candidatesAt(placement, evaluation)
  const race = new Race(candidates, placement.rank, evaluation, taken, verdicts)
  const propositions: Proposition[] = []
  let full = blockingLimit(placement.limits, evaluation)
  while (full === undefined && propositions.length < placement.count) {
    const candidate = race.next()
    if (candidate === undefined) break
    const { offer, treatment } = candidate
    evaluation.item = candidate.item
    const content = candidate.content(evaluation)
    verdicts?.set(candidate, content === undefined ? noContent : chosen)
    if (content === undefined) continue
    propositions.push({ content, offer: offer.name, treatment })
    taken.add(offer.name)
    if (isShared) {
      evaluation.expose({ placement: placement.name, offer: offer.name })
      full = blockingLimit(placement.limits, evaluation)
    }
  }
  if (trace && verdicts) {
    const rest = full && placementLimit(full)
    trace.set(
      placement.name,
      traceOf(candidates, placement, evaluation, (candidate) => {
        const verdict = verdicts.get(candidate) ?? rest ?? judge(candidate, evaluation, taken)
        if (verdict !== undefined) return verdict
        return candidate.content(evaluation) === undefined ? noContent : outranked
      }),
    )
  }
  return propositions
}

/** Every candidate with its verdict, best first. */
export function traceOf(
  candidates: readonly Candidate[],
  { rank }: Placement,
  evaluation: Evaluation,
  verdictOf: (candidate: Candidate) => Verdict,
): Trace {
  const judged = candidates.map((candidate): Judged => {
    evaluation.item = candidate.item
    const score = explainedScore(candidate, rank, evaluation)
    return tell(candidate, verdictOf(candidate), score, evaluation)
  })
  judged.sort((a, b) => (isBefore(a.candidate, a.score.score, b.candidate, b.score.score) ? -1 : 1))
  return { candidates: judged, facts: evaluation.allFacts() }
}

/**
 * Yields the candidates of a placement that may be shown, best first, and looks at as few as it can:
 * candidates stand in the order of what their scores can be at most.
 */
class Race {
  private readonly candidates: readonly Candidate[]
  private readonly rank: Formula | undefined
  private readonly evaluation: Evaluation
  private readonly taken: ReadonlySet<string>
  private readonly verdicts: Map<Candidate, Verdict> | undefined
  /** Those before it were looked at. */
  private at = 0
  /** May be shown, and were not yielded yet; and their scores. */
  private readonly waiting: Candidate[] = []
  private readonly scores: number[] = []

  constructor(
    candidates: readonly Candidate[],
    rank: Formula | undefined,
    evaluation: Evaluation,
    taken: ReadonlySet<string>,
    verdicts: Map<Candidate, Verdict> | undefined,
  ) {
    this.candidates = candidates
    this.rank = rank
    this.evaluation = evaluation
    this.taken = taken
    this.verdicts = verdicts
  }

  next(): Candidate | undefined {
    for (;;) {
      const waitedFor = this.waiting.length
      const best = this.lookOn()
      const candidate = this.remove(best)
      if (candidate === undefined) return undefined
      // What was chosen since may have filled its limits.
      const limit = best < waitedFor ? limitOn(candidate, this.evaluation) : undefined
      if (limit === undefined) return candidate
      this.verdicts?.set(candidate, { kind: 'limit', limit })
    }
  }

  /** Looks at candidates until none of the others can be better than the best that is waiting. */
  private lookOn(): number {
    const { waiting, scores, evaluation, candidates, rank } = this
    let best = this.bestWaiting()
    for (; this.at < candidates.length; this.at++) {
      const candidate = candidates[this.at]
      if (candidate === undefined) break
      const rival = waiting[best]
      if (rival && !isBefore(candidate, candidate.bound, rival, scores[best] ?? 0)) break
      const verdict = judge(candidate, evaluation, this.taken)
      if (verdict !== undefined) {
        this.verdicts?.set(candidate, verdict)
        continue
      }
      const score = scoreOf(candidate, rank, evaluation)
      if (rival === undefined || isBefore(candidate, score, rival, scores[best] ?? 0))
        best = waiting.length
      waiting.push(candidate)
      scores.push(score)
    }
    return best
  }

  /** Minus one where none is waiting. */
  private bestWaiting(): number {
    const { waiting, scores } = this
    let best = -1
    for (let i = 0; i < waiting.length; i++) {
      const rival = waiting[best]
      const one = waiting[i]
      if (one && (!rival || isBefore(one, scores[i] ?? 0, rival, scores[best] ?? 0))) best = i
    }
    return best
  }

  private remove(index: number): Candidate | undefined {
    const candidate = this.waiting[index]
    if (candidate === undefined) return undefined
    this.waiting.splice(index, 1)
    this.scores.splice(index, 1)
    return candidate
  }
}
