import { armsAt } from '../decision/arms.ts'
import { drawFor } from '../decision/chance.ts'
import type { LoggedChoice } from '../decision/logged-decision.ts'
import type { Placement } from '../decision/playbook.ts'
import { type Arm, drawsPerArm, type Model, type PlacementModel } from './model.ts'
import { readTrial, type Trial } from './trial.ts'

/*
 * Versions of a model are not kept, and a decision has only the rates of the one draw that counted. But
 * decisions that follow each other draw others of the same 64, of a model that changes slowly: together
 * they tell it.
 */

/** Buckets that are told apart at a placement; later ones go by what is seen of all. */
const bucketsMax = 2_000

/** Rates of any bucket. */
const anyBucket = ''

/** Texts of trials that are remembered: one for each lesson and bucket. */
const trialsMax = 10_000

interface Seen {
  readonly rates: Float32Array
  readonly mean: number
  isSeen: boolean
}

/** The rates that decisions of a log compared: the model as it was, as far as they show it. */
export class RatesSeen {
  private readonly placements = new Map<string, PlacementRates>()
  private readonly trials = new Map<string, Trial | undefined>()

  /**
   * What was seen until now. It goes on learning: what took part in the decision that was noted last
   * has in its draw the very rates that were compared then.
   */
  readonly model: Model = {
    version: 0,
    of: (placement, lesson) => this.ratesOf(nameOf(placement, lesson)),
  }

  /**
   * Takes in what a decision compared, for each of its slots.
   * @param placement of the playbook that decided
   */
  note(decision: string, { trial, rates }: LoggedChoice, placement: Placement): void {
    const told = trial === undefined ? undefined : this.trialIn(trial)
    if (told === undefined || rates === undefined) return
    const seen = this.ratesOf(nameOf(placement.name, told.lesson))
    const { arms } = armsAt(placement)
    for (let slot = 0; slot < placement.count; slot++) {
      const compared = rates.subarray(slot * arms.length, (slot + 1) * arms.length)
      // Nothing was drawn for this slot, and for those after it.
      if (slot > 0 && compared.every(Number.isNaN)) return
      const { index } = drawFor(decision, placement.name, slot)
      seen.note(told.bucket, index, arms, compared)
    }
  }

  /** Also before anything was noted: whoever compares by it then is told by the note. */
  private ratesOf(name: string): PlacementRates {
    let seen = this.placements.get(name)
    if (seen === undefined) {
      seen = new PlacementRates()
      this.placements.set(name, seen)
    }
    return seen
  }

  private trialIn(text: string): Trial | undefined {
    if (this.trials.has(text)) return this.trials.get(text)
    if (this.trials.size === trialsMax) this.trials.clear()
    const trial = readTrial(text)
    this.trials.set(text, trial)
    return trial
  }
}

class PlacementRates implements PlacementModel {
  private readonly any = new BucketRates(undefined)
  private readonly byBucket = new Map<string, BucketRates>()

  note(bucket: string, index: number, arms: readonly Arm[], rates: Float32Array): void {
    this.any.note(index, arms, rates)
    if (bucket === anyBucket) return
    let known = this.byBucket.get(bucket)
    if (known === undefined) {
      if (this.byBucket.size === bucketsMax) return
      known = new BucketRates(this.any)
      this.byBucket.set(bucket, known)
    }
    known.note(index, arms, rates)
  }

  drawsOf(arm: Arm, bucket: string): Seen {
    return (this.byBucket.get(bucket) ?? this.any).of(arm)
  }
}

/**
 * Rates that were seen in a bucket. A draw that did not count yet is any of those that did, each alike:
 * so what is known in part is not taken for certain.
 */
class BucketRates {
  private readonly wider: BucketRates | undefined
  private readonly byArm = new Map<Arm, Seen>()
  private readonly byName = new Map<string, Seen>()
  /** Of whatever was compared in each draw, the mean; where nothing was, P is 1. */
  private readonly mean: Seen = seenAs(1)
  private readonly isDrawn = new Uint8Array(drawsPerArm)
  private undrawn = drawsPerArm
  private notes = 0

  /** @param wider what an arm that was not seen here goes by */
  constructor(wider: BucketRates | undefined) {
    this.wider = wider
  }

  of(arm: Arm): Seen {
    let seen = this.byArm.get(arm)
    if (seen !== undefined) return seen
    const name = `${arm.offer} ${arm.treatment}`
    seen = this.byName.get(name)
    if (seen === undefined) {
      const { rates } = this.wider === undefined ? this.mean : this.wider.of(arm)
      seen = { rates: rates.slice(), mean: Number.NaN, isSeen: false }
      this.byName.set(name, seen)
    }
    this.byArm.set(arm, seen)
    return seen
  }

  note(index: number, arms: readonly Arm[], rates: Float32Array): void {
    const places = this.placesOf(index)
    let sum = 0
    let count = 0
    for (let number = 0; number < arms.length; number++) {
      const arm = arms[number]
      const rate = rates[number] ?? Number.NaN
      if (arm === undefined || Number.isNaN(rate)) continue
      sum += rate
      count++
      set(this.of(arm), places, rate)
    }
    if (count > 0) set(this.mean, places, sum / count)
  }

  /** The draw that counted, and of those that did not yet, each with a chance of one in all notes. */
  private placesOf(index: number): readonly number[] {
    const places = [index]
    if (this.undrawn === 0) return places
    this.notes++
    if (this.isDrawn[index] === 0) this.undrawn--
    this.isDrawn[index] = 1
    for (let place = 0; place < drawsPerArm; place++)
      if (this.isDrawn[place] === 0 && luck(place, this.notes) % this.notes === 0)
        places.push(place)
    return places
  }
}

function set(seen: Seen, places: readonly number[], rate: number): void {
  if (!seen.isSeen) seen.rates.fill(rate)
  seen.isSeen = true
  for (const place of places) seen.rates[place] = rate
}

/** The same each time, and of different numbers as good as chance. */
function luck(place: number, note: number): number {
  const mixed = Math.imul(place + 1, 0x9e3779b1) ^ Math.imul(note, 0x85ebca6b)
  return Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35) >>> 8
}

function seenAs(rate: number): Seen {
  return { rates: new Float32Array(drawsPerArm).fill(rate), mean: rate, isSeen: false }
}

function nameOf(placement: string, lesson: string): string {
  return `${placement} ${lesson}`
}
