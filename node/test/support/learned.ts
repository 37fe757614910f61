import type { Learning } from '../../src/core/decision/playbook.ts'
import type { LearnedPlacement } from '../../src/core/learning/learned-placement.ts'
import type { Arm } from '../../src/core/learning/model.ts'
import type { SettledCell } from '../../src/core/learning/statistics.ts'
import { type Lesson, lessonText } from '../../src/core/learning/trial.ts'

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
