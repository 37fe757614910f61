import { meanOf } from './belief.ts'
import { drawsPerArm } from './model.ts'
import type { ArmVersion, Drawn, ModelVersion, PlacementVersion } from './model-version.ts'

/** What a version says, for people: of each placement, bucket by bucket. */
export interface PlacementView {
  readonly placement: string
  /** As `lessonText` gives it. */
  readonly lesson: string
  readonly trainer: string
  readonly buckets: readonly BucketView[]
}

export interface BucketView {
  /** null: in all buckets that are not listed. */
  readonly bucket: string | null
  /** Those that win most first. */
  readonly arms: readonly ArmView[]
}

export interface ArmView {
  readonly offer: string
  readonly treatment: string
  /** As they count now: what is old counts less. */
  readonly trials: number
  readonly rewards: number
  /** Expected, from 0 to 1. */
  readonly rate: number
  /** Nine of ten draws lie between them. */
  readonly low: number
  readonly high: number
  /** Share of the draws in which no other arm is better, before anything else but rates counts. */
  readonly wins: number
}

export function viewsOf({ placements }: ModelVersion): readonly PlacementView[] {
  return placements.map(viewOf)
}

function viewOf({ placement, lesson, trainer, buckets, arms }: PlacementVersion): PlacementView {
  const anywhere = bucketView(null, arms, ({ anywhere: drawn }) => drawn)
  const known = buckets.map((bucket, i) => bucketView(bucket, arms, (arm) => arm.inBuckets[i]))
  return { placement, lesson, trainer, buckets: [...known, anywhere] }
}

function bucketView(
  bucket: string | null,
  arms: readonly ArmVersion[],
  drawnOf: (arm: ArmVersion) => Drawn | undefined,
): BucketView {
  const tried = arms.flatMap(({ offer, treatment, ...arm }) => {
    const drawn = drawnOf({ offer, treatment, ...arm })
    return drawn ? [{ offer, treatment, drawn }] : []
  })
  const wins = winsOf(tried.map(({ drawn }) => drawn.draws))
  const views = tried.map(({ offer, treatment, drawn }, i) => {
    const { trials, rewards, belief, draws } = drawn
    const inOrder = draws.toSorted()
    return {
      offer,
      treatment,
      trials,
      rewards,
      rate: meanOf(belief),
      low: inOrder[tail] ?? 0,
      high: inOrder[drawsPerArm - 1 - tail] ?? 1,
      wins: wins[i] ?? 0,
    }
  })
  return { bucket, arms: views.sort((one, other) => other.wins - one.wins) }
}

/** Draws at each end that are no part of nine tenths. */
const tail = Math.round(drawsPerArm / 20)

/** Of each, in how many draws it is the first that none exceeds, as a share. */
function winsOf(all: readonly Float32Array[]): readonly number[] {
  const wins = all.map(() => 0)
  for (let k = 0; k < drawsPerArm; k++) {
    let best = 0
    all.forEach((draws, i) => {
      if ((draws[k] ?? 0) > (all[best]?.[k] ?? 0)) best = i
    })
    if (wins.length > 0) wins[best] = (wins[best] ?? 0) + 1 / drawsPerArm
  }
  return wins
}
