import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LearnedPlacement } from '../../../src/core/learning/learned-placement.ts'
import {
  logisticBeliefs,
  rewardsMin,
  trialsMin,
} from '../../../src/core/learning/logistic-beliefs.ts'
import type { TrialRow } from '../../../src/core/learning/trial-rows.ts'
import { run, Shop, seeded } from './planted-shop.ts'

const day = 24 * 3_600_000
const at = Date.UTC(2026, 5, 27)

function placementOf(by: readonly string[], arms: readonly string[]): LearnedPlacement {
  const lesson = { reward: 'click', withinMs: 1_800_000, halfLifeMs: 7 * day } as const
  const learning = {
    ...lesson,
    lesson: 'click 1800000 604800000',
    trainer: 'logistic',
    explore: 0.02,
    by,
    bucketOf: () => '',
  } as const
  const all = arms.map((offer) => ({ offer, treatment: 'banner', group: undefined }))
  return { name: 'hero', learning, arms: all }
}

const shop = new Shop(seeded(1), 0.4)
const divided = placementOf(['a', 'b', 'c'], shop.arms)

function rowsOf(count: number, rest: Partial<TrialRow> = {}): TrialRow[] {
  return Array.from({ length: count }, (_, i) => {
    const { arm, values, isReward } = shop.trial()
    const of = { placement: 'hero', offer: arm, treatment: 'banner', bucket: values.join('|') }
    return { decision: `d${i}`, at: at + i * 1_000, ...of, isReward, oneOf: 1, ...rest }
  })
}

describe('what logistic regression says of a placement', () => {
  it('covers each arm in each bucket that was met, whether or not it was tried there', () => {
    const rows = rowsOf(2_000).filter(({ offer, bucket }) => offer !== 'arm0' || bucket > '1')

    const beliefs = run(logisticBeliefs(divided, rows))

    const buckets = new Set(rows.map(({ bucket }) => bucket))
    const said = new Set(beliefs.map(({ offer, bucket }) => `${offer} ${bucket}`))
    expect(said.size).toBe(buckets.size * shop.arms.length)
    expect(beliefs).toHaveLength(said.size)
    expect(said).toContain('arm0 0|0|0')
  })

  it('is of the arms anywhere where nothing tells buckets apart', () => {
    const rows = rowsOf(2_000, { bucket: '' })

    const beliefs = run(logisticBeliefs(placementOf([], shop.arms), rows))

    expect(beliefs.map(({ offer, bucket }) => [offer, bucket])).toEqual(
      shop.arms.map((arm) => [arm, undefined]),
    )
  })

  it('is the same for the same rows in any order', () => {
    const rows = rowsOf(600)
    const beliefs = run(logisticBeliefs(divided, rows))
    const shuffled = fc.shuffledSubarray(rows, { minLength: rows.length })
    fc.assert(
      fc.property(shuffled, (others) => {
        expect(run(logisticBeliefs(divided, others))).toEqual(beliefs)
      }),
      { numRuns: 5 },
    )
  })

  it('is nothing before there are enough trials and rewards', () => {
    const rows = rowsOf(trialsMin, { isReward: true })
    const few = rows.map((row, i) => ({ ...row, isReward: i < rewardsMin - 1 }))

    expect(run(logisticBeliefs(divided, []))).toEqual([])
    expect(run(logisticBeliefs(divided, rows.slice(1)))).toEqual([])
    expect(run(logisticBeliefs(divided, few))).toEqual([])
    expect(run(logisticBeliefs(divided, rows))).not.toEqual([])
  })

  it('leaves out what was counted before buckets were told apart in another way', () => {
    const rows = rowsOf(2_000)
    const other = rowsOf(2_000, { bucket: 'x|y' }).map((row, i) => ({ ...row, decision: `e${i}` }))

    expect(run(logisticBeliefs(divided, [...rows, ...other]))).toEqual(
      run(logisticBeliefs(divided, rows)),
    )
  })

  it('believes newer rows rather than old ones', () => {
    const placement = placementOf([], ['a', 'b'])
    const rowOf = (offer: string, i: number, isReward: boolean, age: number): TrialRow => {
      const of = { placement: 'hero', offer, treatment: 'banner', bucket: '' }
      return { decision: `${offer}${age}${i}`, at: at - age, ...of, isReward, oneOf: 1 }
    }
    const rows = Array.from({ length: 300 }, (_, i) => [
      // `a` paid two half-lives ago, `b` pays now.
      rowOf('a', i, i % 10 < 4, 14 * day),
      rowOf('a', i, i % 10 < 1, 0),
      rowOf('b', i, i % 10 < 1, 14 * day),
      rowOf('b', i, i % 10 < 4, 0),
    ]).flat()

    const [a, b] = run(logisticBeliefs(placement, rows)).map(({ belief }) =>
      belief.kind === 'logit' ? belief.mean : Number.NaN,
    )

    expect(b).toBeGreaterThan((a ?? Number.NaN) + 0.8)
  })

  it('counts a row that stands for eight as eight among others, but is no surer for it', () => {
    const placement = placementOf([], ['a'])
    const rowsWith = (oneOf: number, rewardEvery: number, count: number) =>
      Array.from({ length: count }, (_, i): TrialRow => {
        const of = { placement: 'hero', offer: 'a', treatment: 'banner', bucket: '' }
        const isReward = i % rewardEvery === 0
        return { decision: `${oneOf} ${i}`, at, ...of, isReward, oneOf }
      })
    const believed = (rows: readonly TrialRow[]) => run(logisticBeliefs(placement, rows))[0]?.belief

    const plain = believed(rowsWith(1, 5, 1_000))
    const thinned = believed(rowsWith(8, 5, 1_000))
    // 1,000 of a fifth, and 1,000 of a half that stand for eight each: nearer to the half.
    const mixed = believed([...rowsWith(1, 5, 1_000), ...rowsWith(8, 2, 1_000)])

    expect(thinned).toEqual(plain)
    expect(mixed).toMatchObject({ kind: 'logit' })
    const odds = mixed?.kind === 'logit' ? mixed.mean : Number.NaN
    expect(odds).toBeCloseTo(Math.log((200 + 8 * 500) / (800 + 8 * 500)), 1)
  })
})
