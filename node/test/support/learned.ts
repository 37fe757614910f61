import type { Learning } from '../../src/core/decision/playbook.ts'
import type { ArmPosterior } from '../../src/core/learning/belief.ts'
import type { LearnedPlacement } from '../../src/core/learning/learned-placement.ts'
import { makeVersion } from '../../src/core/learning/make-version.ts'
import type { Arm } from '../../src/core/learning/model.ts'
import type { ModelVersion } from '../../src/core/learning/model-version.ts'
import type { SettledCell, ShardStatistics } from '../../src/core/learning/statistics.ts'
import { latestOf, summed } from '../../src/core/learning/summed-statistics.ts'
import { type Lesson, lessonText } from '../../src/core/learning/trial.ts'
import { cellsMax } from '../../src/core/learning/version-plan.ts'

export const clickLesson: Lesson = {
  reward: 'click',
  withinMs: 30 * 60_000,
  halfLifeMs: 7 * 24 * 3_600_000,
}

export function learningOf(
  lesson = clickLesson,
  trainer: Learning['trainer'] = 'bandit',
): Learning {
  return {
    ...lesson,
    lesson: lessonText(lesson),
    trainer,
    explore: 0.02,
    by: [],
    bucketOf: () => '',
  }
}

/** A placement where these offers are tried, each in one form. */
export function learned(
  name: string,
  offers: readonly string[],
  learning = learningOf(),
  group?: string,
): LearnedPlacement {
  return { name, learning, arms: offers.map((offer) => arm(offer, group)) }
}

export function arm(offer: string, group?: string): Arm {
  return { offer, treatment: 'banner', group }
}

/** What these shards' counts make. */
export function madeOf(
  placements: readonly LearnedPlacement[],
  shards: readonly ShardStatistics[],
  trained: ReadonlyMap<string, readonly ArmPosterior[]> = new Map(),
): ModelVersion {
  const positions: number[] = []
  for (const { shard, position } of shards) positions[shard] = position
  const made = { at: latestOf(shards), positions, playbook: 1 }
  const sums = resultOf(summed(shards))
  return resultOf(makeVersion({ made, placements, sums, trained, cells: cellsMax }))
}

/** What a generator returns, in one go. */
export function resultOf<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}

export function cell(
  placement: string,
  offer: string,
  bucket: string,
  trials: number,
  rewards: number,
  lesson = lessonText(clickLesson),
): SettledCell {
  return { lesson, placement, offer, treatment: 'banner', bucket, trials, rewards }
}
