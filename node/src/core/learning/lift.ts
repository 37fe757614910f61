import { ln } from './logarithm.ts'

/*
 * How much better a treatment is than what it is compared with, and how sure that is *at any time*.
 * Whoever looks at a report every day and stops where the usual interval leaves zero is wrong far more
 * often than in one of twenty experiments. This interval is one of a *confidence sequence*: the
 * chance that it ever leaves the truth out, however often somebody looks, is at most `alpha`.
 *
 * Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas: Time-uniform central limit theory and asymptotic
 * confidence sequences, arXiv 2103.06476v7: the interval is equation 9, `rho` equation 161; the same
 * as in GrowthBook's gbstats.
 */

/** Of a number for each person of an arm, which is not negative: how many, their sum, and that of their squares. */
export interface Sums {
  readonly people: number
  readonly sum: number
  readonly squares: number
}

export const emptySums: Sums = { people: 0, sum: 0, squares: 0 }

export function addSums(a: Sums, b: Sums): Sums {
  return { people: a.people + b.people, sum: a.sum + b.sum, squares: a.squares + b.squares }
}

/** What is known of the mean of an arm. */
export interface Mean {
  readonly people: number
  readonly mean: number
  /** Of one person. */
  readonly variance: number
}

export interface Lift {
  /** Mean of the treatment less that of the control. */
  readonly difference: number
  /** … as a share of the control's; undefined where that is 0. */
  readonly relative: number | undefined
  /** Undefined where too little happened to trust it. */
  readonly interval: LiftInterval | undefined
}

export interface LiftInterval {
  readonly low: number
  readonly high: number
  /** Lies on the same side of 0; undefined where the control's mean may be 0 itself. */
  readonly relative: { readonly low: number; readonly high: number } | undefined
}

/** Chance that the interval ever leaves the truth out. */
export const alpha = 0.05

/** People after whom the interval is as narrow as can be: narrower then, wider long before and after. */
const tunedFor = 5_000

/**
 * What must be expected in the smaller arm before an interval is given: so many who did it, and so
 * many who did not. With fewer, the normal law that it relies on is not there yet: of 1,000
 * comparisons of equals, looked at after each of 100,000 people, 78 raised an alarm with 5, and 10
 * with 20 (arms of 5 % and 95 %, a rate of 0.5 %). Counted over both arms, so that no difference
 * decides whether there is an interval.
 */
export const expectedMin = 20

/**
 * People in the smaller arm before an interval is given: of fewer, how they differ is not known well
 * enough. Of 600 comparisons of equals, at a rate of 30 % and with an arm of 5 %, 34 raised an alarm
 * without this, and 19 with it.
 */
export const peopleMin = 200

const rhoSquared = (-2 * ln(alpha) + ln(-2 * ln(alpha) + 1)) / tunedFor

/** By running sums. For rates, `sum` and `squares` are both how many did it. */
export function liftOf(treatment: Sums, control: Sums): Lift {
  return liftOfMeans(meanOf(treatment), meanOf(control), isEnough(treatment, control))
}

/** @param isTrusted whether enough happened for an interval */
export function liftOfMeans(treatment: Mean, control: Mean, isTrusted: boolean): Lift {
  const difference = treatment.mean - control.mean
  return {
    difference,
    relative: control.mean > 0 ? difference / control.mean : undefined,
    interval: isTrusted ? intervalOf(treatment, control, difference) : undefined,
  }
}

export function meanOf({ people, sum, squares }: Sums): Mean {
  if (people === 0) return { people, mean: 0, variance: 0 }
  const mean = sum / people
  const variance = people < 2 ? 0 : Math.max(0, squares - sum * mean) / (people - 1)
  return { people, mean, variance }
}

/** Whether an interval may be given. */
export function isEnough(treatment: Sums, control: Sums): boolean {
  const both = addSums(treatment, control)
  const fewest = Math.min(treatment.people, control.people)
  if (both.sum <= 0 || fewest < peopleMin) return false
  const smaller = fewest / both.people
  // Of a rate exactly those who did it; of other numbers how many people the sum rests on.
  const did = both.sum ** 2 / both.squares
  return smaller * Math.min(did, both.people - did) >= expectedMin
}

/**
 * People in both arms together after whom the interval would leave 0 out, if all went on as it is;
 * undefined where there is no difference, or an interval is not given yet.
 */
export function peopleUntilSeen(treatment: Sums, control: Sums): number | undefined {
  const { difference, interval } = liftOf(treatment, control)
  if (interval === undefined || difference === 0) return undefined
  const [one, other] = [meanOf(treatment), meanOf(control)]
  const people = one.people + other.people
  const spread = people * squaredError(one, other)
  const isSeen = (n: number) => difference ** 2 > errorsSquared(n) * (spread / n)
  let enough = people
  while (!isSeen(enough)) {
    enough *= 2
    if (enough > peopleMax) return undefined
  }
  for (let step = enough / 4; step >= 1; step /= 2) if (isSeen(enough - step)) enough -= step
  return Math.ceil(enough)
}

/** Nobody waits for more than mankind. */
const peopleMax = 1e10

function intervalOf(treatment: Mean, control: Mean, difference: number): LiftInterval {
  const times = errorsSquared(treatment.people + control.people)
  const half = Math.sqrt(times * squaredError(treatment, control))
  return {
    low: difference - half,
    high: difference + half,
    relative: relativeInterval(treatment, control, times),
  }
}

/**
 * All ratios of the two means that the data allows (Fieller), less 1: those for which the treatment
 * less so many times the control may be 0. So it says the same of "no difference" as the difference.
 */
function relativeInterval(treatment: Mean, control: Mean, times: number): LiftInterval['relative'] {
  const a = control.mean ** 2 - times * (control.variance / control.people)
  const b = treatment.mean * control.mean
  const c = treatment.mean ** 2 - times * (treatment.variance / treatment.people)
  if (a <= 0) return undefined
  const root = Math.sqrt(Math.max(0, b * b - a * c))
  return { low: Math.max(0, (b - root) / a) - 1, high: (b + root) / a - 1 }
}

/** Squared standard error of the difference. */
function squaredError(one: Mean, other: Mean): number {
  return one.variance / one.people + other.variance / other.people
}

/** Half the width of the interval after so many people, in standard errors, squared. */
function errorsSquared(people: number): number {
  const grown = people * rhoSquared + 1
  return ((2 * grown) / (people * rhoSquared)) * ln(Math.sqrt(grown) / alpha)
}
