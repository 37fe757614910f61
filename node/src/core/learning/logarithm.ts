/*
 * Logarithm and exponential of sums and products alone, which every engine rounds alike: the same
 * statistics make the same model everywhere.
 */

/** Natural logarithm, to about 15 digits. @param value positive and finite */
export function ln(value: number): number {
  let exponent = 0
  let rest = value
  while (rest > Math.SQRT2) {
    rest /= 2
    exponent++
  }
  while (rest < Math.SQRT1_2) {
    rest *= 2
    exponent--
  }
  // 2 atanh t = ln((1 + t) / (1 - t)), and t is at most 0.172: twelve terms are exact.
  const t = (rest - 1) / (rest + 1)
  const square = t * t
  let sum = 0
  for (let n = 23; n >= 1; n -= 2) sum = sum * square + 1 / n
  return exponent * Math.LN2 + 2 * t * sum
}

/** To about 15 digits, less for great exponents. */
export function exp(exponent: number): number {
  const halvings = Math.round(exponent / Math.LN2)
  // Beyond this nothing is left that a number can hold, or no number can hold it.
  if (halvings < -1_080) return 0
  if (halvings > 1_030) return Number.POSITIVE_INFINITY
  const rest = exponent - halvings * Math.LN2
  // At most 0.347: sixteen terms are exact.
  let sum = 1
  for (let n = 16; n >= 1; n--) sum = 1 + (sum * rest) / n
  for (let left = halvings; left > 0; left--) sum *= 2
  for (let left = halvings; left < 0; left++) sum /= 2
  return sum
}
