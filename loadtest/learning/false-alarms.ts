import { emptySums, liftOf, type Sums } from '../../node/src/core/learning/lift.ts'
import { Dice } from '../../node/test/simulation/dice.ts'

/** An experiment without any difference. */
export interface Equals {
  /** Of all people, in the smaller arm. */
  readonly share: number
  /** Probability that somebody does it, in either arm. */
  readonly rate: number
  /** How many are shown something before it ends. */
  readonly people: number
}

/** In how many of the runs somebody who looks after every person would ever see a difference. */
export function falseAlarms(equals: Equals, runs: number, firstSeed: number): number {
  let alarms = 0
  for (let run = 0; run < runs; run++) if (raisesAlarm(equals, firstSeed + run)) alarms++
  return alarms
}

function raisesAlarm({ share, rate, people }: Equals, seed: number): boolean {
  // Dice of neighbouring seeds are alike in their first throws only.
  const dice = new Dice(Math.imul(seed, 0x9e3779b1))
  let treatment = emptySums
  let control = emptySums
  for (let person = 0; person < people; person++) {
    const isTreated = dice.chance(share)
    const did = dice.chance(rate) ? 1 : 0
    if (isTreated) treatment = oneMore(treatment, did)
    else control = oneMore(control, did)
    const { interval } = liftOf(treatment, control)
    if (interval !== undefined && (interval.low > 0 || interval.high < 0)) return true
  }
  return false
}

function oneMore({ people, sum }: Sums, did: number): Sums {
  return { people: people + 1, sum: sum + did, squares: sum + did }
}
