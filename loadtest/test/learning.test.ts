import { expect, test } from 'vitest'
import { sharesOf } from '../learning/arm-shares.ts'
import { falseAlarms } from '../learning/false-alarms.ts'
import { covers, judgeBySelf } from '../learning/off-policy.ts'
import { serve } from '../learning/shops.ts'

test.each([
  { rate: 0.005, share: 0.5 },
  { rate: 0.05, share: 0.5 },
  { rate: 0.3, share: 0.05 },
])(
  'equal arms seldom look different to who looks after every person: rate $rate, arm of $share',
  ({ rate, share }) => {
    const runs = 60

    const alarms = falseAlarms({ rate, share, people: 20_000 }, runs, 1)

    // With 5 % of false alarms more than 8 of 60 come once in 200 times; the seeds are fixed.
    expect(alarms).toBeLessThanOrEqual(8)
  },
)

test.each([[[0.9, 0.05, 0.05]], [[0.5, 0.5]]])(
  'arms keep the shares %j that were promised',
  (shares) => {
    const arms = shares.map((share, i) => ({ name: `arm-${i}`, share }))

    const ratio = sharesOf('hero-order', arms, 50_000)

    expect(ratio?.p).toBeGreaterThan(0.001)
  },
)

test('where tastes drift, a learner earns more than the offer that was the best of all', () => {
  const runs = [1, 2, 3].map((seed) => serve({ seed, drift: 0.35, weeks: 3, perWeek: 3_000 }))

  const earned = runs.reduce((sum, { rewards }) => sum + rewards.learner, 0)
  const constant = runs.reduce((sum, { rewards }) => sum + rewards.bestConstant, 0)

  expect(earned / constant).toBeGreaterThan(1)
}, 400_000)

test('where tastes stay, a learner misses less and less of what there is to earn', () => {
  const { byWeek } = serve({ seed: 4, drift: 0, weeks: 3, perWeek: 5_000 })

  const missed = byWeek.map(({ learner, oracle }) => 1 - learner / oracle)

  expect(missed[2]).toBeLessThan(missed[0] ?? 0)
  expect(missed[2]).toBeLessThan(0.15)
}, 400_000)

test('a learner’s own log tells what another policy would have earned', () => {
  const runs = 12
  let covered = 0
  for (let seed = 1; seed <= runs; seed++) {
    const [alike] = judgeBySelf({ seed, weeks: 1, perWeek: 2_500 }, 0.3)
    if (alike && covers(alike.estimate.snips, alike.truth)) covered++
  }

  // Each interval of 95 % has the truth in it: less than 9 of 12 come once in 500 times.
  expect(covered).toBeGreaterThanOrEqual(9)
}, 400_000)
