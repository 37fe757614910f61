import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ArmPosterior } from '../../../src/core/learning/belief.ts'
import type { LearnedPlacement } from '../../../src/core/learning/learned-placement.ts'
import { beliefsIn, type ModelVersion } from '../../../src/core/learning/model-version.ts'
import type { SettledCell } from '../../../src/core/learning/statistics.ts'
import { summed } from '../../../src/core/learning/summed-statistics.ts'
import { lessonText } from '../../../src/core/learning/trial.ts'
import {
  decodeVersion,
  encodeVersion,
  isSameContent,
  versionBytesMax,
} from '../../../src/core/learning/version-codec.ts'
import { cellsMax } from '../../../src/core/learning/version-plan.ts'
import { VersionedModel } from '../../../src/core/learning/versioned-model.ts'
import {
  arm,
  cell,
  clickLesson,
  learned,
  learningOf,
  madeOf,
  resultOf,
} from '../../support/learned.ts'

const lesson = lessonText(clickLesson)
const hero = learned('hero', ['boots', 'shoes', 'coats'])

describe('a version', () => {
  test('believes what was counted, and of little what its kin says', () => {
    const version = made(
      [hero],
      [
        cell('hero', 'boots', 'gold', 1_000, 100),
        cell('hero', 'shoes', 'gold', 1_000, 10),
        cell('hero', 'coats', 'gold', 2, 0),
      ],
    )
    const rate = (offer: string) => meanOfArm(version, 'hero', offer, 'gold')

    expect(rate('boots')).toBeCloseTo(0.1, 2)
    expect(rate('shoes')).toBeCloseTo(0.01, 2)
    expect(rate('coats')).toBeGreaterThan(0.03)
    expect(rate('coats')).toBeLessThan(0.06)
  })

  test('believes of an arm nobody tried what its offer showed elsewhere', () => {
    const placements = [learned('footer', ['boots', 'shoes']), hero]
    const version = made(placements, [
      cell('hero', 'boots', '', 5_000, 1_000),
      cell('hero', 'shoes', '', 5_000, 50),
    ])

    expect(meanOfArm(version, 'footer', 'boots', '')).toBeCloseTo(0.2, 1)
    expect(meanOfArm(version, 'footer', 'shoes', '')).toBeCloseTo(0.01, 1)
  })

  test('believes of an offer that is new what its group showed, and else what all showed', () => {
    const arms = [arm('boots', 'shoes'), arm('heels', 'shoes'), arm('clogs', 'shoes'), arm('tea')]
    const place: LearnedPlacement = { name: 'hero', learning: learningOf(), arms }
    const version = made(
      [place],
      [
        cell('hero', 'boots', '', 5_000, 1_500),
        cell('hero', 'heels', '', 5_000, 1_500),
        cell('hero', 'elsewhere', '', 90_000, 0),
      ],
    )

    expect(meanOfArm(version, 'hero', 'clogs', '')).toBeCloseTo(0.3, 2)
    expect(meanOfArm(version, 'hero', 'tea', '')).toBeCloseTo(0.03, 2)
  })

  test('counts nothing twice: one bucket alone is the arm anywhere', () => {
    const version = made([hero], [cell('hero', 'boots', '', 10, 5)])
    const { arms, buckets } = placementIn(version, 'hero')

    expect(buckets).toEqual([])
    // The kin of the only arm that was tried is nothing: half a rate, with twenty trials.
    expect(arms[0]?.anywhere.belief).toEqual({ kind: 'beta', alpha: 15, beta: 15 })
  })

  test('gives a new arm the doubt of a new arm, however sure its kin is', () => {
    const version = made([hero], [cell('hero', 'boots', '', 100_000, 2_000)])
    const belief = placementIn(version, 'hero').arms[1]?.anywhere.belief

    expect(belief?.kind === 'beta' && belief.alpha + belief.beta).toBeCloseTo(20, 1)
  })

  test('has an answer for every arm and bucket, the nearest that it knows', () => {
    const version = made(
      [learned('hero', ['boots', 'shoes'], learningOf(), 'wear')],
      [
        cell('hero', 'boots', 'gold', 300, 30),
        cell('hero', 'boots', 'blue', 300, 150),
        cell('hero', 'tea', 'gold', 500, 400),
      ],
    )
    const model = new VersionedModel(7, version).of('hero', lesson)
    const of = (offer: string, bucket: string, group?: string) =>
      model?.drawsOf(arm(offer, group), bucket).mean ?? Number.NaN

    expect(of('boots', 'gold')).toBeCloseTo(0.12, 1)
    expect(of('boots', 'blue')).toBeCloseTo(0.49, 1)
    expect(of('boots', 'unheard of')).toBeCloseTo(0.3, 1)
    expect(of('tea', 'gold')).toBeCloseTo(0.79, 1)
    expect(of('unheard of', 'gold', 'wear')).toBeCloseTo(0.3, 1)
    expect(of('of no group', 'gold')).toBeCloseTo(580 / 1_100, 1)
  })

  test('lets arms that nobody knows win alike, though they resemble the same', () => {
    const version = made([hero], [cell('hero', 'boots', '', 300, 30)])
    const model = new VersionedModel(7, version).of('hero', lesson)
    const offers = ['a', 'b', 'c', 'd']
    const draws = offers.map((offer) => model?.drawsOf(arm(offer), '').rates ?? [])
    const wins = offers.map(
      (_, i) =>
        Array.from({ length: 64 }, (_, k) => draws.map((one) => one[k] ?? 0)).filter(
          (rates) => Math.max(...rates) === rates[i],
        ).length,
    )

    for (const count of wins) expect(count).toBeGreaterThan(4)
    expect(model?.drawsOf(arm('a'), '')).toBe(model?.drawsOf(arm('a'), ''))
  })

  test('says nothing of a placement that learns something else, or not at all', () => {
    const model = new VersionedModel(7, made([hero], []))

    expect(model.of('hero', lesson)).toBeDefined()
    expect(model.of('hero', lessonText({ ...clickLesson, reward: 'accept' }))).toBeUndefined()
    expect(model.of('footer', lesson)).toBeUndefined()
    expect(model.version).toBe(7)
  })

  test('holds what a trainer believes where it believes something, and says whose it is', () => {
    const place = learned('hero', ['boots', 'shoes'], learningOf(clickLesson, 'logistic'))
    const boots = { offer: 'boots', treatment: 'banner' }
    const logit = { kind: 'logit', mean: 0, deviation: 0.1 } as const
    const trained: readonly ArmPosterior[] = [
      { ...boots, bucket: 'new', belief: logit },
      { ...boots, bucket: 'gold', belief: { kind: 'beta', alpha: Number.NaN, beta: 1 } },
    ]
    const cells = [cell('hero', 'boots', 'gold', 300, 30)]
    const version = made([place], cells, new Map([['hero', trained]]))

    expect(placementIn(version, 'hero').trainer).toBe('logistic')
    expect(meanOfArm(version, 'hero', 'boots', 'new')).toBeCloseTo(0.5, 2)
    expect(meanOfArm(version, 'hero', 'boots', 'gold')).toBeCloseTo(0.12, 1)
    expect(placementIn(made([place], cells), 'hero').trainer).toBe('bandit')
  })

  test('leaves out the lightest buckets where there are too many, and fits a message', () => {
    const offers = Array.from({ length: 10 }, (_, i) => `${'long'.repeat(30)}${i}`)
    const cells = offers.flatMap((offer) =>
      Array.from({ length: 800 }, (_, i) => cell('hero', offer, bucketName(i), 1 + i, 1)),
    )
    const version = made([learned('hero', offers)], cells)
    const { buckets } = placementIn(version, 'hero')

    expect(beliefsIn(version)).toBeLessThanOrEqual(cellsMax)
    expect(beliefsIn(version)).toBeGreaterThan(cellsMax - 20)
    expect(buckets).toContain(bucketName(799))
    expect(buckets).not.toContain(bucketName(0))
    expect(encodeVersion(version).length).toBeLessThan(versionBytesMax)
  })
})

describe('the bytes of a version', () => {
  test('give it back as it was', () => {
    const place = learned('hero', ['boots', 'shoes'], learningOf(clickLesson, 'logistic'), 'wear')
    const belief = { kind: 'logit', mean: -2, deviation: 0 } as const
    const trained = [{ offer: 'boots', treatment: 'banner', bucket: 'gold', belief }]
    const cells = [cell('hero', 'boots', 'gold', 300, 30), cell('hero', 'boots', 'blue', 3, 1)]
    const version = made([place], cells, new Map([['hero', trained]]))

    expect(decodeVersion(encodeVersion(version))).toEqual(version)
  })

  test('are refused where anything is missing or wrong, without harm', () => {
    const bytes = encodeVersion(made([hero], [cell('hero', 'boots', 'gold', 300, 30)]))

    for (const length of [0, 1, 10, bytes.length - 1])
      expect(() => decodeVersion(bytes.subarray(0, length))).toThrow()
    expect(() => decodeVersion(Uint8Array.of(0x94, 99, 0, 0x90, 0xc4, 0))).toThrow(/format/)
  })

  test('are the same for the same counts, in whatever order shards answered', () => {
    fc.assert(
      fc.property(shardsArbitrary, (shards) => {
        const bytes = encodeVersion(madeOf([hero], shards))

        expect(encodeVersion(madeOf([hero], shards.toReversed()))).toEqual(bytes)
        expect(decodeVersion(bytes)).toEqual(madeOf([hero], shards))
      }),
      { numRuns: 50 },
    )
  })

  test('are compared without the positions that they were made at', () => {
    const cells = [cell('hero', 'boots', 'gold', 300, 30)]
    const at = (position: number, counted: readonly SettledCell[]) =>
      encodeVersion(madeOf([hero], [{ shard: 0, position, at: 0, cells: counted }]))

    expect(isSameContent(at(1, cells), at(2, cells))).toBe(true)
    expect(isSameContent(at(1, cells), at(1, [cell('hero', 'boots', 'gold', 301, 30)]))).toBe(false)
  })
})

describe('sums over shards', () => {
  test('are as of the latest of them: what is older has decayed', () => {
    const later = clickLesson.halfLifeMs
    const cells = [cell('hero', 'boots', '', 8, 4)]

    const sums = resultOf(
      summed([
        { shard: 1, position: 1, at: later, cells },
        { shard: 0, position: 1, at: 0, cells },
      ]),
    )

    expect(sums.get(lesson)).toMatchObject([{ trials: 12, rewards: 6 }])
  })

  test('leave out what no lesson can be read from', () => {
    const cells = [cell('hero', 'boots', '', 8, 4, 'of another kind')]

    expect(resultOf(summed([{ shard: 0, position: 1, at: 0, cells }])).size).toBe(0)
  })
})

const cellArbitrary = fc
  .record({
    offer: fc.constantFrom('boots', 'shoes', 'gone'),
    bucket: fc.constantFrom('', 'gold', 'blue'),
    trials: fc.double({ min: 0.001, max: 1e6, noNaN: true }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ offer, bucket, trials, share }) => cell('hero', offer, bucket, trials, trials * share))

const shardsArbitrary = fc
  .array(
    fc.record({
      at: fc.integer({ min: 0, max: 1e9 }),
      position: fc.nat(),
      cells: fc.uniqueArray(cellArbitrary, { selector: (one) => `${one.offer} ${one.bucket}` }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) => all.map((one, shard) => ({ ...one, shard })))

function bucketName(number: number): string {
  return `${'bucket'.repeat(14)}${number}`
}

function made(
  placements: readonly LearnedPlacement[],
  cells: readonly SettledCell[],
  trained?: ReadonlyMap<string, readonly ArmPosterior[]>,
): ModelVersion {
  return madeOf(placements, [{ shard: 0, position: 1, at: 0, cells }], trained)
}

function placementIn({ placements }: ModelVersion, name: string) {
  const found = placements.find(({ placement }) => placement === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

function meanOfArm(version: ModelVersion, placement: string, offer: string, bucket: string) {
  const model = new VersionedModel(1, version).of(placement, lesson)
  return model?.drawsOf(arm(offer), bucket).mean
}
