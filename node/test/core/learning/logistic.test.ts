import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { meanOf } from '../../../src/core/learning/belief.ts'
import { Logistic, type LogisticCell } from '../../../src/core/learning/logistic.ts'
import { LessonPosteriors } from '../../../src/core/learning/posterior.ts'
import { run, Shop, seeded } from './planted-shop.ts'

function learn(cells: readonly LogisticCell[]): Logistic {
  return run(Logistic.learn(cells))
}

describe('logistic regression', () => {
  it('finds the odds that were planted, as near as it says', () => {
    let inside = 0
    let all = 0
    let offBy = 0
    for (let seed = 1; seed <= 10; seed++) {
      const shop = new Shop(seeded(seed), 0.4)
      const learnt = learn(shop.cellsOf(40_000))
      for (const [arm, values] of shop.combinations()) {
        const { mean, deviation } = learnt.of(arm, values)
        const error = Math.abs(mean - shop.logOdds(arm, values))
        all++
        offBy += error
        if (error < 1.64 * deviation) inside++
      }
    }
    // Odds that are a quarter too great or too small, on average.
    expect(offBy / all).toBeLessThan(0.25)
    // Nine of ten is what it says; a diagonal says a little too much.
    expect(inside / all).toBeGreaterThan(0.85)
  })

  it('knows better than counting what pays in buckets where little was tried', () => {
    for (const [trials, pairs] of [
      [5_000, 0],
      [20_000, 0.4],
    ] as const) {
      let logistic = 0
      let counted = 0
      let best = 0
      for (let seed = 1; seed <= 10; seed++) {
        const shop = new Shop(seeded(seed), pairs)
        const cells = shop.cellsOf(trials)
        const learnt = learn(cells)
        const posteriors = countedBy(cells)
        logistic += shop.earnedBy((arm, values) => learnt.of(arm, values).mean)
        counted += shop.earnedBy((arm, values) => meanOf(posteriors(arm, values)))
        best += shop.earnedBy((arm, values) => shop.logOdds(arm, values))
      }
      expect(logistic).toBeGreaterThan(counted)
      expect(logistic).toBeGreaterThan(0.92 * best)
    }
  })

  it('is surer the more was tried, and nearer to what came of it', () => {
    const trials = fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(trials, fc.double({ min: 0.02, max: 0.98, noNaN: true }), (sizes, rate) => {
        const others = { arm: 'b', values: ['x'], trials: 500, rewards: 100 }
        const learntOf = (n: number) =>
          learn([{ arm: 'a', values: ['x'], trials: n, rewards: n * rate }, others]).of('a', ['x'])
        const all = sizes.toSorted((one, other) => one - other).map(learntOf)
        const truth = Math.log(rate / (1 - rate))
        for (const [i, { mean, deviation }] of all.entries()) {
          const before = all[i - 1]
          if (before === undefined) continue
          expect(deviation).toBeLessThanOrEqual(before.deviation + 0.01)
          expect(Math.abs(mean - truth)).toBeLessThanOrEqual(Math.abs(before.mean - truth) + 0.01)
        }
      }),
    )
  })

  it('believes of what was never met what it believes of anything', () => {
    const learnt = learn([
      { arm: 'a', values: ['x'], trials: 1_000, rewards: 100 },
      { arm: 'b', values: ['y'], trials: 1_000, rewards: 100 },
    ])

    const unknown = learnt.of('c', ['z'])

    expect(unknown.mean).toBeCloseTo(Math.log(1 / 9), 1)
    expect(unknown.deviation).toBeGreaterThan(learnt.of('a', ['x']).deviation)
    expect(unknown.deviation).toBeGreaterThan(1)
  })

  it('ends, with finite beliefs, whatever the cells are', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const cell = fc
      .record({
        arm: name,
        values: fc.tuple(name, name),
        trials: fc.double({ min: 1e-9, max: 1e7, noNaN: true }),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      })
      .map(({ share, ...rest }) => ({ ...rest, rewards: rest.trials * share }))
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 30 }), (cells) => {
        const learnt = learn(cells)
        for (const { arm, values } of cells) {
          const { mean, deviation } = learnt.of(arm, values)
          expect(Number.isFinite(mean)).toBe(true)
          expect(deviation).toBeGreaterThan(0)
        }
      }),
      { numRuns: 200 },
    )
  })
})

/** What the bandit believes after the same trials. */
function countedBy(cells: readonly LogisticCell[]) {
  const posteriors = new LessonPosteriors([])
  for (const { arm: offer, values, trials, rewards } of cells) {
    const bucket = values.join('|')
    posteriors.count({ placement: 'p', offer, treatment: 'banner', bucket, trials, rewards })
  }
  return (offer: string, values: readonly string[]) => {
    const arm = { offer, treatment: 'banner', group: undefined }
    return posteriors.inBucket('p', arm, values.join('|')).belief
  }
}
