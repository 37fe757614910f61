import type { Belief } from './belief.ts'
import type { LearnedPlacement } from './learned-placement.ts'
import type { Arm } from './model.ts'
import type { SummedCell } from './summed-statistics.ts'

/*
 * What is believed after so many trials and rewards. Whoever knows little resembles its kin: the
 * same arm in other buckets, its offer elsewhere, its group, everything; each of these steps speaks
 * with the weight of `priorTrials`. What a step says leaves out what the one below has counted, so
 * nothing counts twice.
 */

/** Of each step, as if so many trials had been made: chosen by research, as a few dozen visitors. */
export const priorTrials = 20

export interface Counts {
  readonly trials: number
  readonly rewards: number
}

export interface Believed extends Counts {
  readonly belief: Belief
}

export const nothing: Counts = { trials: 0, rewards: 0 }

/** What all placements with the same lesson know together. */
export class LessonPosteriors {
  /** Those of the offers that can be tried now. */
  readonly groups: ReadonlySet<string>
  private readonly groupOf = new Map<string, string>()
  private all = nothing
  private readonly ofGroups = new Map<string, Counts>()
  private readonly ofOffers = new Map<string, Counts>()
  private readonly places = new Map<string, PlaceCounts>()

  /** @param placements those with this lesson */
  constructor(placements: readonly LearnedPlacement[]) {
    for (const { arms } of placements)
      for (const { offer, group } of arms) if (group !== undefined) this.groupOf.set(offer, group)
    this.groups = new Set(this.groupOf.values())
  }

  count(cell: SummedCell): void {
    const { placement, offer } = cell
    this.all = sum(this.all, cell)
    count(this.ofOffers, offer, cell)
    const group = this.groupOf.get(offer)
    if (group !== undefined) count(this.ofGroups, group, cell)
    let place = this.places.get(placement)
    if (place === undefined) {
      place = new PlaceCounts()
      this.places.set(placement, place)
    }
    place.count(cell)
  }

  /** Of an arm that nobody knows. */
  ofAnything(): Believed {
    return { ...this.all, belief: priorOf(this.rateOfAll(nothing)) }
  }

  /** Of an arm of this group that nobody knows. */
  ofGroup(group: string): Believed {
    const counts = this.ofGroups.get(group) ?? nothing
    return { ...counts, belief: priorOf(rate(counts, this.rateOfAll(counts))) }
  }

  /** Of an arm of this offer that nobody knows. */
  ofOffer(offer: string): Believed {
    const counts = this.ofOffers.get(offer) ?? nothing
    return { ...counts, belief: priorOf(rate(counts, this.rateAbove(offer, counts))) }
  }

  /** Of an arm in buckets that are not known. */
  ofArm(placement: string, { offer, treatment }: Arm): Believed {
    const counts = this.places.get(placement)?.arm(offer, treatment) ?? nothing
    return { ...counts, belief: posteriorOf(counts, this.rateOfOffer(offer, counts)) }
  }

  inBucket(placement: string, { offer, treatment }: Arm, bucket: string): Believed {
    const place = this.places.get(placement)
    const arm = place?.arm(offer, treatment) ?? nothing
    const counts = place?.cell(offer, treatment, bucket) ?? nothing
    const prior = rate(less(arm, counts), this.rateOfOffer(offer, arm))
    return { ...counts, belief: posteriorOf(counts, prior) }
  }

  /** The buckets that a placement has met, with the trials in each. */
  bucketsOf(placement: string): ReadonlyMap<string, number> {
    return this.places.get(placement)?.buckets ?? new Map()
  }

  /** The offers that were tried. */
  get offers(): ReadonlyMap<string, Counts> {
    return this.ofOffers
  }

  /** What an arm resembles: its offer without the arm itself. */
  private rateOfOffer(offer: string, arm: Counts): number {
    const counts = this.ofOffers.get(offer) ?? nothing
    return rate(less(counts, arm), this.rateAbove(offer, counts))
  }

  /** What an offer resembles: its group without the offer itself, or everything. */
  private rateAbove(offer: string, own: Counts): number {
    const group = this.groupOf.get(offer)
    if (group === undefined) return this.rateOfAll(own)
    const counts = this.ofGroups.get(group) ?? nothing
    return rate(less(counts, own), this.rateOfAll(counts))
  }

  /** Everything but what asks. Above it is nothing but the rate of all there is, with a half to begin with. */
  private rateOfAll(own: Counts): number {
    const { trials, rewards } = this.all
    return rate(less(this.all, own), (rewards + 1) / (trials + 2))
  }
}

/** Counts of a placement. */
class PlaceCounts {
  readonly buckets = new Map<string, number>()
  private readonly arms = new Map<string, Map<string, ArmCounts>>()

  count(cell: SummedCell): void {
    const { offer, treatment, bucket, trials } = cell
    let forms = this.arms.get(offer)
    if (forms === undefined) {
      forms = new Map()
      this.arms.set(offer, forms)
    }
    let arm = forms.get(treatment)
    if (arm === undefined) {
      arm = { counts: nothing, cells: new Map() }
      forms.set(treatment, arm)
    }
    arm.counts = sum(arm.counts, cell)
    count(arm.cells, bucket, cell)
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + trials)
  }

  arm(offer: string, treatment: string): Counts | undefined {
    return this.arms.get(offer)?.get(treatment)?.counts
  }

  cell(offer: string, treatment: string, bucket: string): Counts | undefined {
    return this.arms.get(offer)?.get(treatment)?.cells.get(bucket)
  }
}

interface ArmCounts {
  counts: Counts
  readonly cells: Map<string, Counts>
}

/** After so many trials, with a prior of this rate. */
function posteriorOf({ trials, rewards }: Counts, prior: number): Belief {
  const alpha = rewards + priorTrials * prior
  // More rewards than trials may be there where a shard had forgotten what was tried.
  const beta = Math.max(0, trials - rewards) + priorTrials * (1 - prior)
  return { kind: 'beta', alpha: rounded(alpha), beta: rounded(beta) }
}

function priorOf(prior: number): Belief {
  return posteriorOf(nothing, prior)
}

/**
 * To three digits: less than that nobody can tell from so few draws, and a belief that only its kin
 * moved a little stays the same, and with it its draws.
 */
function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

function rate({ trials, rewards }: Counts, prior: number): number {
  const expected = (rewards + priorTrials * prior) / (trials + priorTrials)
  return Math.min(Math.max(expected, leastRate), 1 - leastRate)
}

/** No rate is so close to 0 or to 1 that nothing is left for its opposite. */
const leastRate = 1e-6

function sum(one: Counts, other: Counts): Counts {
  return { trials: one.trials + other.trials, rewards: one.rewards + other.rewards }
}

/** Differences of sums may fall below zero in their last digits. */
function less(all: Counts, own: Counts): Counts {
  return {
    trials: Math.max(0, all.trials - own.trials),
    rewards: Math.max(0, all.rewards - own.rewards),
  }
}

function count(counts: Map<string, Counts>, name: string, one: Counts): void {
  counts.set(name, sum(counts.get(name) ?? nothing, one))
}
