import type { Arm } from './model.ts'
import type { Believed } from './posterior.ts'

/**
 * What was learnt up to some positions of the logs: immutable, and the same for whoever makes it of
 * the same statistics.
 */
export interface ModelVersion {
  readonly made: ModelOrigin
  /** In the order of their names. */
  readonly lessons: readonly LessonVersion[]
  /** In the order of their names. */
  readonly placements: readonly PlacementVersion[]
}

/** What a version was made of. */
export interface ModelOrigin {
  /** The time that its counts are as of, in milliseconds since 1970. */
  readonly at: number
  /** By shard, the sequence of its log. */
  readonly positions: readonly number[]
  /** The version of the playbook that says what is learnt. */
  readonly playbook: number
}

/** For arms that a placement's version does not know. */
export interface LessonVersion {
  /** As `lessonText` gives it. */
  readonly lesson: string
  readonly anything: Drawn
  readonly groups: readonly NamedDrawn[]
  readonly offers: readonly NamedDrawn[]
}

export interface PlacementVersion {
  readonly placement: string
  readonly lesson: string
  /** Whose beliefs these are. */
  readonly trainer: string
  /** Those for which each arm has beliefs; in others its beliefs of anywhere count. */
  readonly buckets: readonly string[]
  readonly arms: readonly ArmVersion[]
}

export interface ArmVersion extends Arm {
  readonly anywhere: Drawn
  /** As `buckets`. */
  readonly inBuckets: readonly Drawn[]
}

export interface NamedDrawn {
  readonly name: string
  readonly drawn: Drawn
}

/** What is believed, of what, and the draws of it. */
export interface Drawn extends Believed {
  readonly draws: Float32Array
}

/** So many beliefs with draws does a version have. */
export function beliefsIn({ lessons, placements }: ModelVersion): number {
  let beliefs = 0
  for (const { groups, offers } of lessons) beliefs += 1 + groups.length + offers.length
  for (const { arms, buckets } of placements) beliefs += arms.length * (1 + buckets.length)
  return beliefs
}
