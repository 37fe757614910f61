import type { MeasureSums } from './experiment-sums.ts'
import { isEnough, type Lift, liftOf, liftOfMeans, type Mean, type Sums } from './lift.ts'

/*
 * CUPED (Deng, Xu, Kohavi, Walker, WSDM 2013): who did it in the time before is likelier to do it
 * again, whatever is shown. What that explains is taken out of the difference, so that its interval is
 * narrower. Where nobody was known before, as with visitors who come for the first time, it is the
 * plain lift.
 */

/** Of rates. */
export function rateSums({ people, did }: MeasureSums): Sums {
  return { people, sum: did, squares: did }
}

export function plainLift(treatment: MeasureSums, control: MeasureSums): Lift {
  return liftOf(rateSums(treatment), rateSums(control))
}

/** Undefined where the time before says nothing. */
export function adjustedLift(treatment: MeasureSums, control: MeasureSums): Lift | undefined {
  const people = treatment.people + control.people
  const before = spreadOf(treatment, 'before') + spreadOf(control, 'before')
  if (people < 2 || before <= 0) return undefined
  const slope = (togetherIn(treatment) + togetherIn(control)) / before
  const usual = (treatment.before + control.before) / people
  return liftOfMeans(
    adjustedMean(treatment, slope, usual),
    adjustedMean(control, slope, usual),
    isEnough(rateSums(treatment), rateSums(control)),
  )
}

/** What the mean would be, had as many done it before as usual. */
function adjustedMean(sums: MeasureSums, slope: number, usual: number): Mean {
  const { people, did, before } = sums
  if (people < 2) return { people, mean: 0, variance: 0 }
  const squares =
    spreadOf(sums, 'did') - 2 * slope * togetherIn(sums) + slope ** 2 * spreadOf(sums, 'before')
  return {
    people,
    mean: did / people - slope * (before / people - usual),
    variance: Math.max(0, squares) / (people - 1),
  }
}

/** Sum of squared deviations. */
function spreadOf(sums: MeasureSums, what: 'did' | 'before'): number {
  return sums.people === 0 ? 0 : sums[what] - sums[what] ** 2 / sums.people
}

/** Sum of products of the deviations. */
function togetherIn({ people, did, before, both }: MeasureSums): number {
  return people === 0 ? 0 : both - (did * before) / people
}
