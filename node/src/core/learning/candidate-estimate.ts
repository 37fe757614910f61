import type { CandidateRows } from './candidate-rows.ts'
import { Expectations } from './direct-model.ts'
import { type Half, LoggedChoices } from './logged-choices.ts'
import { type Estimate, type Measured, nothing } from './off-policy.ts'

/** As `Estimate`, per decision at the placement; decisions about one person are one observation. */
export interface CandidateEstimate extends Estimate {
  readonly people: number
  /** What the candidate shows, by its share; greatest first. */
  readonly support: readonly ArmSupport[]
}

/** How much the log says of an arm that the candidate shows. */
export interface ArmSupport {
  readonly arm: string
  /** The candidate's probability of it, on average. */
  readonly share: number
  /** Decisions of the log that showed it. */
  readonly logged: number
  /** The part of `share` that the log could have shown as well; about 1 where it says enough. */
  readonly covered: number
}

/**
 * What the candidate would have earned, by what the log earned where it showed what the candidate
 * may show. Each row counts as often as decisions were logged around it. Errors are those of sums
 * over people: what one person does is not as much evidence as what several do.
 */
export function estimateCandidate(rows: CandidateRows): CandidateEstimate {
  const { count } = rows
  if (count === 0) return { ...nothing, people: 0, support: [] }
  const { of: personOf, people } = numberPeople(rows)
  const modelled = modelledRows(rows)
  const sums = new Totals(rows, modelled)
  const { all, mean, meanWeight, ips, snips, dr } = sums
  const errors = new PeopleErrors(people)
  for (let i = 0; i < count; i++) {
    const s = rows.oneOf.at(i)
    const r = rows.reward.at(i)
    const w = weightAt(rows, i)
    const ofLog = r - mean
    const ofSnips = meanWeight === 0 ? 0 : (w * (r - snips)) / meanWeight
    errors.add(personOf[i] ?? 0, s, [
      ofLog,
      w * r - ips,
      ofSnips,
      (modelled[i] ?? 0) - dr,
      meanWeight === 0 ? 0 : ofSnips - ofLog,
      w - meanWeight,
      w,
    ])
  }
  const measured = (value: number, place: number): Measured => ({
    value,
    standardError: errors.of(place, all),
  })
  return {
    rows: count,
    people,
    logged: measured(mean, 0),
    ips: measured(ips, 1),
    snips: measured(snips, 2),
    dr: measured(dr, 3),
    gain: measured(snips - mean, 4),
    meanWeight: measured(meanWeight, 5),
    ess: errors.effective(6),
    maxWeight: sums.maxWeight,
    unsupported: sums.unsupported,
    support: sums.support(),
  }
}

/** How much rather the candidate shows what was shown. */
export function weightAt(rows: CandidateRows, i: number): number {
  return rows.probability.at(i) / rows.propensity.at(i)
}

/** Numbers the people of some rows from 0. */
export function numberPeople(rows: CandidateRows): {
  readonly of: Uint32Array
  readonly people: number
} {
  const numbers = new Map<number, number>()
  const of = new Uint32Array(rows.count)
  for (let i = 0; i < rows.count; i++) {
    const person = rows.person.at(i)
    let number = numbers.get(person)
    if (number === undefined) {
      number = numbers.size
      numbers.set(person, number)
    }
    of[i] = number
  }
  return { of, people: numbers.size }
}

/**
 * What doubly robust estimation makes of each row: what the candidate is expected to earn there, and
 * the weighted difference between what was earned and what was expected of that. Expectations for
 * one half of the people are learnt from the other.
 */
function modelledRows(rows: CandidateRows): Float64Array {
  const expected = expectationsOf(rows)
  const modelled = new Float64Array(rows.count)
  for (let i = 0; i < rows.count; i++) {
    const bucket = rows.bucket.at(i)
    const half = halfOf(rows, i)
    const surprise = rows.reward.at(i) - expected(half, bucket, rows.before.at(i))
    modelled[i] = expected(half, bucket, rows.drawn.at(i)) + weightAt(rows, i) * surprise
  }
  return modelled
}

function halfOf(rows: CandidateRows, i: number): Half {
  return rows.person.at(i) % 2 === 0 ? 0 : 1
}

function expectationsOf(rows: CandidateRows): (half: Half, bucket: number, arm: number) => number {
  const { arms, buckets } = rows
  const log = new LoggedChoices()
  for (let i = 0; i < rows.count; i++)
    log.add({
      action: arms.all[rows.before.at(i)] ?? '',
      bucket: buckets.all[rows.bucket.at(i)] ?? '',
      reward: rows.reward.at(i),
      propensity: rows.propensity.at(i),
      half: halfOf(rows, i),
    })
  const models = [new Expectations(log, 1), new Expectations(log, 0)] as const
  const known = [new Map<number, number>(), new Map<number, number>()] as const
  return (half, bucket, arm) => {
    const place = bucket * arms.all.length + arm
    let value = known[half].get(place)
    if (value === undefined) {
      value = models[half].of(buckets.all[bucket] ?? '', arms.all[arm] ?? '')
      known[half].set(place, value)
    }
    return value
  }
}

/** Sums over all rows. */
class Totals {
  readonly all: number
  readonly mean: number
  readonly meanWeight: number
  readonly ips: number
  readonly snips: number
  readonly dr: number
  readonly maxWeight: number
  readonly unsupported: number
  private readonly arms: readonly string[]
  private readonly logged: Float64Array
  private readonly shown: Float64Array
  private readonly covered: Float64Array

  constructor(rows: CandidateRows, modelled: Float64Array) {
    const { arms } = rows
    this.arms = arms.all
    this.logged = new Float64Array(arms.all.length)
    this.shown = new Float64Array(arms.all.length)
    this.covered = new Float64Array(arms.all.length)
    for (let i = 0; i < rows.count; i++) {
      const before = rows.before.at(i)
      this.logged[before] = (this.logged[before] ?? 0) + 1
    }
    let [all, earned, weights, weighted, expected, maxWeight, missing] = [0, 0, 0, 0, 0, 0, 0]
    for (let i = 0; i < rows.count; i++) {
      const s = rows.oneOf.at(i)
      const r = rows.reward.at(i)
      const w = weightAt(rows, i)
      const before = rows.before.at(i)
      all += s
      earned += s * r
      weights += s * w
      weighted += s * w * r
      expected += s * (modelled[i] ?? 0)
      maxWeight = Math.max(maxWeight, w)
      this.covered[before] = (this.covered[before] ?? 0) + s * w
      const drawn = rows.drawn.at(i)
      this.shown[drawn] = (this.shown[drawn] ?? 0) + s
      const never = this.logged[drawn] === 0 ? 1 : 0
      // Whoever was certain would never have shown anything else to this visitor.
      missing += s * (rows.propensity.at(i) === 1 ? 1 - rows.probability.at(i) : never)
    }
    this.all = all
    this.mean = earned / all
    this.meanWeight = weights / all
    this.ips = weighted / all
    this.snips = weights === 0 ? 0 : weighted / weights
    this.dr = expected / all
    this.maxWeight = maxWeight
    this.unsupported = missing / all
  }

  support(): ArmSupport[] {
    const found: ArmSupport[] = []
    this.arms.forEach((arm, i) => {
      const shown = this.shown[i] ?? 0
      if (shown === 0) return
      const share = shown / this.all
      const covered = (this.covered[i] ?? 0) / shown
      found.push({ arm, share, logged: this.logged[i] ?? 0, covered })
    })
    return found.sort((a, b) => b.share - a.share || (a.arm < b.arm ? -1 : 1))
  }
}

/** Deviations of a row that are summed by person. */
const deviationsOfRow = 7

/** Sums by person, one for each of the deviations of a row. */
class PeopleErrors {
  private readonly people: number
  /** Of the first person all, then of the second. */
  private readonly sums: Float64Array

  constructor(people: number) {
    this.people = people
    this.sums = new Float64Array(people * deviationsOfRow)
  }

  add(person: number, times: number, deviations: readonly number[]): void {
    const start = person * deviationsOfRow
    for (let place = 0; place < deviationsOfRow; place++)
      this.sums[start + place] = this.at(start + place) + times * (deviations[place] ?? 0)
  }

  /** Standard error of a mean over rows that count as `all`. */
  of(place: number, all: number): number {
    const { people } = this
    if (people < 2) return 0
    return Math.sqrt((this.squares(place) * people) / (people - 1)) / all
  }

  /** Of how many people with equal sums this would be. */
  effective(place: number): number {
    let sum = 0
    for (let at = place; at < this.sums.length; at += deviationsOfRow) sum += this.at(at)
    const squares = this.squares(place)
    return squares === 0 ? 0 : sum ** 2 / squares
  }

  private squares(place: number): number {
    let squares = 0
    for (let at = place; at < this.sums.length; at += deviationsOfRow) squares += this.at(at) ** 2
    return squares
  }

  private at(place: number): number {
    return this.sums[place] ?? 0
  }
}
