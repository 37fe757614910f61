/*
 * What decays is a fact of the log, so it must come out the same to the last bit on every machine and
 * with every version of JavaScript. Powers may not; division, multiplication and square roots do.
 */

/** 2^(−1/2), 2^(−1/4), 2^(−1/8), …: shares that are left after so much of a half-life. */
const shares = Array.from({ length: 32 }, shareOf)

function shareOf(_: unknown, i: number): number {
  let share = 0.5
  for (let roots = 0; roots <= i; roots++) share = Math.sqrt(share)
  return share
}

/** After so many half-lives nothing is left that a number can hold. */
const halvesMax = 1_080

/** The share of something that is left after so long, from 1 down to 0. */
export function remaining(ms: number, halfLifeMs: number): number {
  const halves = ms / halfLifeMs
  if (halves > halvesMax) return 0
  let whole = Math.floor(halves)
  let rest = halves - whole
  let share = 1
  for (const next of shares) {
    if (rest === 0) break
    rest *= 2
    if (rest < 1) continue
    rest -= 1
    share *= next
  }
  for (; whole >= 30; whole -= 30) share /= 2 ** 30
  return share / (1 << whole)
}
