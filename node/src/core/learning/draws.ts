import { encode } from '@halfsecond/protocol'
import { hash64Hex } from '../digest.ts'
import { type Belief, rateOfLogOdds } from './belief.ts'
import { exp, ln } from './logarithm.ts'
import { drawsPerArm } from './model.ts'

/*
 * Draws of what is believed of a rate. They follow from the belief and from what it is of, so the
 * same statistics make the same model, and what did not change keeps its draws.
 */

/** From above 0 to below 1, each alike. */
type Chance = () => number

/** @param of what the belief is of: placement, lesson, arm, bucket */
export function drawsOf(belief: Belief, of: readonly (string | null)[]): Float32Array<ArrayBuffer> {
  const chance = chanceOf(belief, of)
  const rates = new Float32Array(drawsPerArm)
  for (let i = 0; i < drawsPerArm; i++) rates[i] = draw(belief, chance)
  return rates
}

function draw(belief: Belief, chance: Chance): number {
  if (belief.kind === 'logit') return rateOfLogOdds(belief.mean + belief.deviation * normal(chance))
  const ofRewards = gamma(belief.alpha, chance)
  const sum = ofRewards + gamma(belief.beta, chance)
  // Both are nothing where both shapes are tiny: then nearly all of the distribution is at its ends.
  if (sum === 0) return chance() * (belief.alpha + belief.beta) < belief.alpha ? 1 : 0
  return ofRewards / sum
}

/**
 * G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM Transactions
 * on Mathematical Software 26 (2000), with their boost for shapes below 1.
 */
function gamma(shape: number, chance: Chance): number {
  if (shape < 1) return gamma(shape + 1, chance) * exp(ln(chance()) / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(chance)
    const v = (1 + c * x) ** 3
    if (v <= 0) continue
    const u = chance()
    const square = x * x
    if (u < 1 - 0.0331 * square * square) return d * v
    if (ln(u) < square / 2 + d * (1 - v + ln(v))) return d * v
  }
}

/** G. Marsaglia's polar method; its second value is left, so that draws depend on nothing else. */
function normal(chance: Chance): number {
  for (;;) {
    const x = 2 * chance() - 1
    const y = 2 * chance() - 1
    const square = x * x + y * y
    if (square < 1 && square > 0) return x * Math.sqrt((-2 * ln(square)) / square)
  }
}

/** Values that the generator passes over, so that seeds which are alike do not show. */
const warmUp = 12

/** C. Doty-Humphrey's sfc32 of PractRand, seeded by hash64 of MessagePack. */
function chanceOf(belief: Belief, of: readonly (string | null)[]): Chance {
  const numbers =
    belief.kind === 'beta' ? [belief.alpha, belief.beta] : [belief.mean, belief.deviation]
  const seed = hash64Hex(encode([...of, belief.kind, ...numbers]))
  let a = Number.parseInt(seed.slice(0, 8), 16) | 0
  let b = Number.parseInt(seed.slice(8), 16) | 0
  let c = 0
  let count = 1
  const next: Chance = () => {
    const value = (a + b + count) | 0
    count = (count + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + value) | 0
    return ((value >>> 0) + 0.5) / 2 ** 32
  }
  for (let i = 0; i < warmUp; i++) next()
  return next
}
