import { type ArmDraws, drawsPerArm } from '../learning/model.ts'
import { armsAt, type PlacementArms } from './arms.ts'
import { type Chance, type Draw, drawFor } from './chance.ts'
import type { Evaluation } from './evaluation.ts'
import type { Candidate, Formula, Placement } from './playbook.ts'
import { scoreOf } from './rank.ts'
import { judge, limitOn, noContent, type Verdict } from './verdict.ts'

/** A candidate that may be shown. */
interface Ticket {
  readonly candidate: Candidate
  readonly arm: number
  readonly draws: ArmDraws
  /** Its score where P is 1. */
  readonly base: number
}

/** Without a model nothing tells arms apart. */
const certain: ArmDraws = { rates: new Float32Array(drawsPerArm).fill(1), mean: 1 }

// Of the placement that is drawn for at the moment: a decision is made in one go.
const best = new Float64Array(drawsPerArm)
const winners = new Int32Array(drawsPerArm)

/**
 * Yields candidates that may be shown, of those with the greatest priority one by chance: in each of the
 * joint draws the one with the greatest P × C × V × L wins, one draw counts, and sometimes any
 * candidate is shown instead. So what is chosen has a probability that is known, and never tiny.
 *
 * A candidate whose content cannot be filled in takes no part: whoever draws can be shown.
 */
export class Lottery {
  /** Those that were yielded, with their probabilities. */
  readonly won = new Map<Candidate, number>()
  /**
   * By slot and arm: P as it was compared, NaN of those that took no part. What it takes to draw the
   * same without the model.
   */
  readonly rates: Float32Array
  private readonly candidates: readonly Candidate[]
  private readonly placement: Placement
  private readonly evaluation: Evaluation
  private readonly chance: Chance
  private readonly taken: ReadonlySet<string>
  private readonly verdicts: Map<Candidate, Verdict> | undefined
  private readonly arms: PlacementArms
  /** Of the candidates that were not judged yet, null: where nothing is drawn, nobody is. */
  private held: readonly Ticket[] | null = null
  private slot = 0

  constructor(
    candidates: readonly Candidate[],
    placement: Placement,
    evaluation: Evaluation,
    chance: Chance,
    taken: ReadonlySet<string>,
    verdicts: Map<Candidate, Verdict> | undefined,
  ) {
    this.candidates = candidates
    this.placement = placement
    this.evaluation = evaluation
    this.chance = chance
    this.taken = taken
    this.verdicts = verdicts
    this.arms = armsAt(placement)
    this.rates = new Float32Array(this.arms.arms.length * placement.count).fill(Number.NaN)
  }

  next(): Candidate | undefined {
    if (this.slot > 0) this.held = this.tickets().filter((ticket) => this.isStillIn(ticket))
    const tickets = this.leading()
    if (tickets.length === 0) return undefined
    const { seed, explore } = this.chance
    const draw = seed === undefined ? undefined : drawFor(seed, this.placement.name, this.slot)
    this.note(tickets, draw)
    const draws = this.winsOf(tickets, draw !== undefined)
    const at = draw === undefined ? (winners[0] ?? 0) : chosenBy(draw, explore, tickets.length)
    this.slot++
    const candidate = tickets[at]?.candidate
    if (candidate !== undefined)
      this.won.set(candidate, draw ? probabilityOf(draws, at, explore, tickets.length) : 1)
    return candidate
  }

  /** What each candidate's probability is for the next slot. */
  *probabilities(): IterableIterator<readonly [Candidate, number]> {
    const tickets = this.leading()
    const { seed, explore } = this.chance
    const draws = this.winsOf(tickets, seed !== undefined)
    for (const [at, { candidate }] of tickets.entries()) {
      const probability = probabilityOf(draws, at, explore, tickets.length)
      yield [candidate, seed === undefined ? Number(at === winners[0]) : probability]
    }
  }

  /** P of a candidate as it was compared for the last slot; 1 where it took no part. */
  propensityOf(candidate: Candidate): number {
    const arm = this.arms.numberOf(candidate)
    const rate = arm === undefined ? undefined : this.rates[this.placeOf(arm, this.slot - 1)]
    return rate === undefined || Number.isNaN(rate) ? 1 : rate
  }

  private tickets(): readonly Ticket[] {
    this.held ??= this.judged()
    return this.held
  }

  private judged(): readonly Ticket[] {
    const { candidates, evaluation, taken, verdicts } = this
    const { model, bucket } = this.chance
    const byArm: (ArmDraws | undefined)[] = []
    const tickets: Ticket[] = []
    for (const candidate of candidates) {
      const verdict = judge(candidate, evaluation, taken) ?? unfilled(candidate, evaluation)
      if (verdict !== undefined) {
        verdicts?.set(candidate, verdict)
        continue
      }
      const number = this.arms.numberOf(candidate) ?? 0
      const arm = this.arms.arms[number]
      const draws = byArm[number] ?? (model && arm ? model.drawsOf(arm, bucket) : certain)
      byArm[number] = draws
      const base = scoreOf(candidate, undefined, evaluation)
      tickets.push({ candidate, arm: number, draws, base })
    }
    return tickets
  }

  private isStillIn({ candidate }: Ticket): boolean {
    if (this.taken.has(candidate.offer.name)) return false
    this.evaluation.item = candidate.item
    const limit = limitOn(candidate, this.evaluation)
    if (limit !== undefined) this.verdicts?.set(candidate, { kind: 'limit', limit })
    return limit === undefined
  }

  /** Those of the greatest priority. */
  private leading(): readonly Ticket[] {
    const tickets = this.tickets()
    const top = tickets.reduce(
      (most, { candidate }) => Math.max(most, candidate.offer.priority),
      Number.NEGATIVE_INFINITY,
    )
    return tickets.every(({ candidate }) => candidate.offer.priority === top)
      ? tickets
      : tickets.filter(({ candidate }) => candidate.offer.priority === top)
  }

  /** Leaves in `winners` who wins each draw, and returns how many there are. Not drawn: the first, by what is expected. */
  private winsOf(tickets: readonly Ticket[], isDrawn: boolean): number {
    const draws = isDrawn ? drawsPerArm : 1
    best.fill(Number.NEGATIVE_INFINITY)
    winners.fill(0)
    const { rank } = this.placement
    for (let at = 0; at < tickets.length; at++) {
      const ticket = tickets[at]
      if (ticket === undefined) continue
      const { base, draws: own } = ticket
      const rates = isDrawn ? own.rates : Float64Array.of(own.mean)
      for (let i = 0; i < draws; i++) {
        const rate = rates[i] ?? 0
        const score = rank === undefined ? rate * base : this.ranked(ticket, rank, rate)
        const leads = best[i] ?? 0
        if (score > leads || (score === leads && isNamedBefore(ticket, tickets[winners[i] ?? 0]))) {
          best[i] = score
          winners[i] = at
        }
      }
    }
    return draws
  }

  private ranked({ candidate }: Ticket, rank: Formula, rate: number): number {
    this.evaluation.item = candidate.item
    return scoreOf(candidate, rank, this.evaluation, rate)
  }

  private note(tickets: readonly Ticket[], draw: Draw | undefined): void {
    for (const { arm, draws } of tickets) {
      const rate = draw === undefined ? draws.mean : (draws.rates[draw.index] ?? 0)
      this.rates[this.placeOf(arm, this.slot)] = rate
    }
  }

  private placeOf(arm: number, slot: number): number {
    return slot * this.arms.arms.length + arm
  }
}

function unfilled(candidate: Candidate, evaluation: Evaluation): Verdict | undefined {
  if (candidate.contentReads(evaluation.locales).length === 0) return undefined
  return candidate.content(evaluation) === undefined ? noContent : undefined
}

function chosenBy({ index, explores, which }: Draw, explore: number, count: number): number {
  return explores < explore ? Math.floor(which * count) : (winners[index] ?? 0)
}

function probabilityOf(draws: number, at: number, explore: number, count: number): number {
  let wins = 0
  for (let i = 0; i < draws; i++) if (winners[i] === at) wins++
  return ((1 - explore) * wins) / draws + explore / count
}

function isNamedBefore({ candidate }: Ticket, other: Ticket | undefined): boolean {
  return other === undefined || candidate.offer.name < other.candidate.offer.name
}
