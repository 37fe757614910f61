import { armsAt } from '../decision/arms.ts'
import { drawFor } from '../decision/chance.ts'
import type { LoggedChoice } from '../decision/logged-decision.ts'
import type { Placement } from '../decision/playbook.ts'
import { type Arm, type ArmDraws, drawsPerArm, type Model, type PlacementModel } from './model.ts'
import { readTrial } from './trial.ts'

/*
 * Versions of a model are not kept, and a decision has only the rates of the one draw that counted. But
 * decisions that follow each other draw others of the same 64, of a model that changes slowly: together
 * they tell it.
 */

/** Buckets that are told apart at all placements; later ones go by what is seen of all. */
const bucketsMax = 10_000

/** Rates of any bucket. */
const anyBucket = ''

/** Of what nothing was seen, P is 1, as where nothing was learnt. */
const nothingSeen: ArmDraws = { rates: new Float32Array(drawsPerArm).fill(1), mean: 1 }

/** The rates that decisions of a log compared: the model as it was, as far as they show it. */
export class RatesSeen {
  private readonly placements = new Map<string, PlacementRates>()
  private buckets = 0

  /** What was seen until now. */
  readonly model: Model = {
    version: 0,
    of: (placement, lesson) => this.placements.get(nameOf(placement, lesson)),
  }

  /**
   * What one decision compared, and for what took no part in it, what was seen until now. Good for
   * choosing what the decision's own seed chooses; other draws are not those of a model.
   * @param placement of the playbook that decided
   */
  modelOf(decision: string, choice: LoggedChoice, placement: Placement): Model {
    const own = ratesOf(choice, placement)
    if (own === undefined) return this.model
    const { index } = drawFor(decision, placement.name, 0)
    return {
      version: 0,
      of: (name, lesson) => {
        const seen = this.model.of(name, lesson)
        if (lesson !== own.lesson) return seen
        return {
          drawsOf: (arm, bucket) => {
            const rate = own.rates.get(armName(arm)) ?? seen?.drawsOf(arm, bucket).rates[index]
            return drawsOf(rate ?? own.mean)
          },
        }
      },
    }
  }

  /** Takes in what a decision compared. */
  note(decision: string, choice: LoggedChoice, placement: Placement): void {
    const own = ratesOf(choice, placement)
    if (own === undefined) return
    const name = nameOf(placement.name, own.lesson)
    let rates = this.placements.get(name)
    if (rates === undefined) {
      rates = new PlacementRates()
      this.placements.set(name, rates)
    }
    const { index } = drawFor(decision, placement.name, 0)
    rates.note(anyBucket, index, own.rates)
    if (own.bucket === anyBucket) return
    if (!rates.has(own.bucket) && this.buckets++ >= bucketsMax) return
    rates.note(own.bucket, index, own.rates)
  }
}

class PlacementRates implements PlacementModel {
  private readonly byBucket = new Map<string, BucketRates>()

  has(bucket: string): boolean {
    return this.byBucket.has(bucket)
  }

  note(bucket: string, index: number, rates: ReadonlyMap<string, number>): void {
    let known = this.byBucket.get(bucket)
    if (known === undefined) {
      known = new BucketRates()
      this.byBucket.set(bucket, known)
    }
    known.note(index, rates)
  }

  drawsOf(arm: Arm, bucket: string): ArmDraws {
    const name = armName(arm)
    const all = this.byBucket.get(anyBucket)
    return this.byBucket.get(bucket)?.of(name) ?? all?.of(name) ?? all?.ofAny ?? nothingSeen
  }
}

/** Rates that were seen in a bucket; what was not drawn yet is what was seen first. */
class BucketRates {
  /** Of whatever was compared in each draw, the mean. */
  readonly ofAny: ArmDraws = drawsOf(1)
  private readonly arms = new Map<string, ArmDraws>()

  of(name: string): ArmDraws | undefined {
    return this.arms.get(name)
  }

  note(index: number, rates: ReadonlyMap<string, number>): void {
    if (this.arms.size === 0) this.ofAny.rates.fill(meanOf(rates))
    this.ofAny.rates[index] = meanOf(rates)
    for (const [name, rate] of rates) {
      const known = this.arms.get(name)
      if (known === undefined) this.arms.set(name, drawsOf(rate))
      else known.rates[index] = rate
    }
  }
}

interface OwnRates {
  readonly lesson: string
  readonly bucket: string
  readonly rates: ReadonlyMap<string, number>
  readonly mean: number
}

/** What was compared for the first slot; undefined where nothing was left to chance. */
function ratesOf({ trial, rates }: LoggedChoice, placement: Placement): OwnRates | undefined {
  const told = trial === undefined ? undefined : readTrial(trial)
  if (told === undefined || rates === undefined) return undefined
  const found = new Map<string, number>()
  armsAt(placement).arms.forEach((arm, number) => {
    const rate = rates[number] ?? Number.NaN
    if (!Number.isNaN(rate)) found.set(armName(arm), rate)
  })
  if (found.size === 0) return undefined
  return { lesson: told.lesson, bucket: told.bucket, rates: found, mean: meanOf(found) }
}

function meanOf(rates: ReadonlyMap<string, number>): number {
  let sum = 0
  for (const rate of rates.values()) sum += rate
  return sum / rates.size
}

function drawsOf(rate: number): ArmDraws {
  return { rates: new Float32Array(drawsPerArm).fill(rate), mean: rate }
}

function nameOf(placement: string, lesson: string): string {
  return `${placement} ${lesson}`
}

function armName({ offer, treatment }: Arm): string {
  return `${offer} ${treatment}`
}
