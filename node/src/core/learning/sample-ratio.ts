import { exp, ln } from './logarithm.ts'

/*
 * Whether the arms of an experiment got the people that were promised to them. Where they did not,
 * something other than chance decides who is counted, and no lift is to be believed.
 */

export interface SampleRatio {
  /** Pearson's χ² of people against promised shares. */
  readonly chiSquare: number
  /** Chance of as much, if only chance was at work. */
  readonly p: number
  readonly isAlarm: boolean
}

/** Reports are looked at often, and a wrong alarm costs an experiment: so it is rare. */
export const alarmBelow = 0.001

/** Arms of equal place; those that were promised nothing are left out. Undefined: nothing to compare. */
export function sampleRatio(
  people: readonly number[],
  shares: readonly number[],
): SampleRatio | undefined {
  const arms = shares.flatMap((share, i) => (share > 0 ? [{ share, count: people[i] ?? 0 }] : []))
  const all = arms.reduce((sum, { count }) => sum + count, 0)
  const promised = arms.reduce((sum, { share }) => sum + share, 0)
  if (all === 0 || arms.length < 2) return undefined
  const chiSquare = arms.reduce((sum, { share, count }) => {
    const expected = (all * share) / promised
    return sum + (count - expected) ** 2 / expected
  }, 0)
  const p = upperGamma((arms.length - 1) / 2, chiSquare / 2)
  return { chiSquare, p, isAlarm: p < alarmBelow }
}

/** Terms of a series or steps of a fraction: both are exact to 1e-15 long before. */
const stepsMax = 10_000
const precision = 1e-15

/**
 * The regularised upper incomplete gamma function Q(a, x): with k/2 and χ²/2, the chance of a greater
 * χ² at k degrees of freedom. By the series below a + 1 and the continued fraction above, as in
 * Press, Teukolsky, Vetterling, Flannery: Numerical Recipes, 3rd edition, section 6.2.
 */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1
  const scale = exp(a * ln(x) - x - logGamma(a))
  return x < a + 1 ? 1 - scale * series(a, x) : scale * fraction(a, x)
}

function series(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let n = 1; n < stepsMax && term > sum * precision; n++) {
    term *= x / (a + n)
    sum += term
  }
  return sum
}

/** Lentz's method. Above x = a + 1 no denominator comes near to 0. */
function fraction(a: number, x: number): number {
  let b = x + 1 - a
  let d = 1 / b
  let c = Number.MAX_VALUE
  let value = d
  for (let n = 1; n < stepsMax; n++) {
    const numerator = -n * (n - a)
    b += 2
    d = 1 / (numerator * d + b)
    c = b + numerator / c
    const change = c * d
    value *= change
    if (Math.abs(change - 1) < precision) break
  }
  return value
}

/** Of a half or a whole number, exact up to rounding: down to Γ(1) and Γ(½), step by step. */
function logGamma(a: number): number {
  let log = a % 1 === 0 ? 0 : ln(Math.PI) / 2
  for (let k = a - 1; k > 0; k--) log += ln(k)
  return log
}
