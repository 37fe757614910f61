/*
 * What decays is a fact of the log, so it must come out the same to the last bit on every machine and
 * with every version of JavaScript. Powers may not; division, multiplication and square roots do.
 */

/** The part of a half-life is read in three digits of ten bits: to less than a billionth. */
const digitBits = 10
const digits = 1 << digitBits

/** What is left after so many thousandths, millionths and billionths, by powers of two, of a half-life. */
const coarse = sharesOf(0)
const middle = sharesOf(digitBits)
const fine = sharesOf(2 * digitBits)

/** 2^(−i / 2^(skipped + digitBits)) for each digit i. */
function sharesOf(skipped: number): Float64Array {
  const shares = new Float64Array(digits).fill(1)
  let share = 0.5
  for (let bit = 1; bit <= skipped; bit++) share = Math.sqrt(share)
  for (let weight = digits >> 1; weight > 0; weight >>= 1) {
    share = Math.sqrt(share)
    for (let i = 0; i < digits; i++) if ((i & weight) !== 0) shares[i] = (shares[i] ?? 1) * share
  }
  return shares
}

/** After so many half-lives nothing is left that a number can hold. */
const halvesMax = 1_080

/** The share of something that is left after so long, from 1 down to 0. */
export function remaining(ms: number, halfLifeMs: number): number {
  const halves = ms / halfLifeMs
  if (halves > halvesMax) return 0
  let whole = Math.floor(halves)
  const part = Math.floor((halves - whole) * 2 ** (3 * digitBits))
  const first = coarse[part >>> (2 * digitBits)] ?? 1
  const second = middle[(part >>> digitBits) & (digits - 1)] ?? 1
  const third = fine[part & (digits - 1)] ?? 1
  let share = first * second * third
  for (; whole >= 30; whole -= 30) share /= 2 ** 30
  return share / (1 << whole)
}
