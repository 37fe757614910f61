import { trialText } from '../learning/trial.ts'
import type { Chance } from './chance.ts'
import type { Choice, Proposition } from './decide.ts'
import type { Evaluation } from './evaluation.ts'
import { blockingLimit } from './limits.ts'
import { Lottery } from './lottery.ts'
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

/** How the candidates of a placement are chosen from. */
export interface Choosing {
  /** Undefined: the best are shown. */
  readonly chance: Chance | undefined
  /** Whether more is shown in the same answer, so that what is shown counts. */
  readonly isShared: boolean
  /** Offers that the answer shows already; what is chosen is added. */
  readonly taken: Set<string>
  readonly trace: Map<string, Trace> | undefined
}

export type Chosen = Pick<Choice, 'propositions' | 'rates'>

/** The best of what may be shown at a placement, or what chance has it, in order. */
export function choose(placement: Placement, evaluation: Evaluation, choosing: Choosing): Chosen {
  const { chance, isShared, taken, trace } = choosing
  const verdicts = trace && new Map<Candidate, Verdict>()
  const candidates = candidatesAt(placement, evaluation)
  const trial = chance && trialAt(placement, chance)
  const lottery = chance && new Lottery(candidates, placement, evaluation, chance, taken, verdicts)
  const race = lottery ?? new Race(candidates, placement.rank, evaluation, taken, verdicts)
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
    const proposition = { content, offer: offer.name, treatment }
    const probability = lottery?.won.get(candidate)
    propositions.push(
      probability === undefined ? proposition : { ...proposition, probability, ...trial },
    )
    taken.add(offer.name)
    if (isShared) {
      evaluation.expose({ placement: placement.name, offer: offer.name })
      full = blockingLimit(placement.limits, evaluation)
    }
  }
  if (trace && verdicts) {
    const rest = full && placementLimit(full)
    const verdictOf = (candidate: Candidate) => {
      const verdict = verdicts.get(candidate) ?? rest ?? judge(candidate, evaluation, taken)
      if (verdict !== undefined) return verdict
      return candidate.content(evaluation) === undefined ? noContent : outranked
    }
    trace.set(placement.name, traceOf(candidates, placement, evaluation, verdictOf, lottery))
  }
  return lottery === undefined ? { propositions } : { propositions, rates: lottery.rates }
}

function trialAt({ learning }: Placement, { bucket }: Chance): Pick<Proposition, 'trial'> {
  return learning === undefined ? {} : { trial: trialText(learning.lesson, bucket) }
}

/** Every candidate with its verdict, best first. */
export function traceOf(
  candidates: readonly Candidate[],
  { rank }: Placement,
  evaluation: Evaluation,
  verdictOf: (candidate: Candidate) => Verdict,
  lottery?: Lottery,
): Trace {
  const judged = candidates.map((candidate): Judged => {
    evaluation.item = candidate.item
    const score = explainedScore(candidate, rank, evaluation, lottery?.propensityOf(candidate))
    const probability = lottery?.won.get(candidate)
    return tell(candidate, verdictOf(candidate), score, probability, evaluation)
  })
  judged.sort((a, b) => (isBefore(a.candidate, a.score.score, b.candidate, b.score.score) ? -1 : 1))
  return { candidates: judged, facts: evaluation.allFacts(), arms: evaluation.arms }
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
  /** Of those that may be shown and were not yielded yet, and its score. */
  private best: Candidate | undefined
  private bestScore = 0
  /** The others of them, and their scores. Null until there is one: mostly there is none. */
  private waiting: Candidate[] | null = null
  private scores: number[] = noScores

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
      const waited = this.takeBestWaiting()
      this.lookOn()
      const { best } = this
      this.best = undefined
      if (best === undefined) return undefined
      // What was chosen since may have filled its limits.
      const limit = best === waited ? limitOn(best, this.evaluation) : undefined
      if (limit === undefined) return best
      this.verdicts?.set(best, { kind: 'limit', limit })
    }
  }

  /** Looks at candidates until none of the others can be better than the best. */
  private lookOn(): void {
    const { evaluation, candidates, rank } = this
    for (; this.at < candidates.length; this.at++) {
      const candidate = candidates[this.at]
      if (candidate === undefined) return
      const { best } = this
      if (best && !isBefore(candidate, candidate.bound, best, this.bestScore)) return
      const verdict = judge(candidate, evaluation, this.taken)
      if (verdict !== undefined) {
        this.verdicts?.set(candidate, verdict)
        continue
      }
      const score = scoreOf(candidate, rank, evaluation)
      if (best === undefined) this.lead(candidate, score)
      else if (isBefore(candidate, score, best, this.bestScore)) {
        this.wait(best, this.bestScore)
        this.lead(candidate, score)
      } else this.wait(candidate, score)
    }
  }

  private lead(candidate: Candidate, score: number): void {
    this.best = candidate
    this.bestScore = score
  }

  private wait(candidate: Candidate, score: number): void {
    if (this.waiting === null) {
      this.waiting = []
      this.scores = []
    }
    this.waiting.push(candidate)
    this.scores.push(score)
  }

  private takeBestWaiting(): Candidate | undefined {
    const { waiting, scores } = this
    if (waiting === null) return undefined
    let at = 0
    for (let i = 0; i < waiting.length; i++) {
      const one = waiting[i]
      const best = waiting[at]
      if (one && best && isBefore(one, scores[i] ?? 0, best, scores[at] ?? 0)) at = i
    }
    const best = waiting[at]
    if (best === undefined) return undefined
    this.lead(best, scores[at] ?? 0)
    const last = waiting.pop()
    const score = scores.pop()
    if (last === undefined || score === undefined || last === best) return best
    waiting[at] = last
    scores[at] = score
    return best
  }
}

const noScores: number[] = []
