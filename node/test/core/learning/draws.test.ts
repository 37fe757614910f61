import { describe, expect, test } from 'vitest'
import { type Belief, meanOf } from '../../../src/core/learning/belief.ts'
import { drawsOf } from '../../../src/core/learning/draws.ts'
import { drawsPerArm } from '../../../src/core/learning/model.ts'

describe('draws of a belief', () => {
  test('are the same for the same belief of the same arm, and others for another', () => {
    const belief = beta(3, 97)

    const draws = drawsOf(belief, ['hero', 'boots', 'web', null])

    expect(draws.length).toBe(drawsPerArm)
    expect(drawsOf(belief, ['hero', 'boots', 'web', null])).toEqual(draws)
    expect(drawsOf(belief, ['hero', 'boots', 'web', ''])).not.toEqual(draws)
    expect(drawsOf(belief, ['hero', 'shoes', 'web', null])).not.toEqual(draws)
    expect(drawsOf(beta(3, 98), ['hero', 'boots', 'web', null])).not.toEqual(draws)
  })

  test.each([
    [0.01, 20],
    [0.5, 0.5],
    [1, 1],
    [2, 1],
    [3, 97],
    [20, 20],
    [1_234, 98_766],
  ])('have the mean and the variance of Beta(%d, %d)', (alpha, betaShape) => {
    const all = manyDraws(beta(alpha, betaShape))
    const sum = alpha + betaShape
    const mean = alpha / sum
    const variance = (alpha * betaShape) / (sum * sum * (sum + 1))

    const deviation = Math.sqrt(variance / all.length)
    expect(Math.abs(meanIn(all) - mean)).toBeLessThan(4 * deviation)
    const spread = meanIn(all.map((rate) => (rate - mean) ** 2))
    expect(spread / variance).toBeGreaterThan(0.9)
    expect(spread / variance).toBeLessThan(1.1)
  })

  test.each([
    ['Beta(1, 1)', beta(1, 1), (x: number) => x],
    ['Beta(2, 1)', beta(2, 1), (x: number) => x * x],
    ['Beta(1, 40)', beta(1, 40), (x: number) => 1 - (1 - x) ** 40],
    ['Beta(0.5, 0.5)', beta(0.5, 0.5), (x: number) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    ['Beta(0.05, 1)', beta(0.05, 1), (x: number) => x ** 0.05],
  ] as const)('have all quantiles of %s', (_, belief, share) => {
    const all = manyDraws(belief).sort((one, other) => one - other)

    const off = all.map((rate, i) => Math.abs(share(rate) - (i + 0.5) / all.length))

    // Kolmogorov and Smirnov: one in a thousand honest samples is further off.
    expect(Math.max(...off)).toBeLessThan(1.95 / Math.sqrt(all.length))
  })

  test('win as often as the integral says, of two arms and of each seed', () => {
    const one = beta(20, 180)
    const other = beta(25, 175)
    const expected = chanceThatFirstWins(20, 180, 25, 175)

    const shares = Array.from({ length: 500 }, (_, seed) => {
      const first = drawsOf(one, ['one', String(seed)])
      const second = drawsOf(other, ['other', String(seed)])
      return first.filter((rate, i) => rate > (second[i] ?? 0)).length / drawsPerArm
    })

    expect(Math.abs(meanIn(shares) - expected)).toBeLessThan(0.01)
    const deviation = Math.sqrt((expected * (1 - expected)) / drawsPerArm)
    for (const share of shares) expect(Math.abs(share - expected)).toBeLessThan(4.5 * deviation)
  })

  test('of normal log-odds have that mean and that deviation', () => {
    const all = manyDraws({ kind: 'logit', mean: -3, deviation: 0.4 })
    const logOdds = all.map((rate) => Math.log(rate / (1 - rate)))

    expect(meanIn(logOdds)).toBeCloseTo(-3, 1)
    expect(Math.sqrt(meanIn(logOdds.map((value) => (value + 3) ** 2)))).toBeCloseTo(0.4, 1)
    expect(meanOf({ kind: 'logit', mean: -3, deviation: 0.4 })).toBeCloseTo(meanIn(all), 2)
  })

  test('are rates also where a belief is as small as can be', () => {
    expect(new Set(manyDraws(beta(1e-30, 1e-30)))).toEqual(new Set([0, 1]))
    expect(new Set(manyDraws(beta(1e-30, 20)))).toEqual(new Set([0]))
  })
})

function beta(alpha: number, betaShape: number): Belief {
  return { kind: 'beta', alpha, beta: betaShape }
}

function manyDraws(belief: Belief): number[] {
  return Array.from({ length: 300 }, (_, seed) => [...drawsOf(belief, [String(seed)])]).flat()
}

function meanIn(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** By the midpoint rule over both densities. */
function chanceThatFirstWins(a: number, b: number, c: number, d: number): number {
  const count = 20_000
  let ofOther = 0
  let won = 0
  let ofOne = 0
  for (let i = 0; i < count; i++) {
    const x = (i + 0.5) / count
    const density = x ** (a - 1) * (1 - x) ** (b - 1)
    const otherDensity = x ** (c - 1) * (1 - x) ** (d - 1)
    won += density * (ofOther + otherDensity / 2)
    ofOther += otherDensity
    ofOne += density
  }
  return won / (ofOne * ofOther)
}
