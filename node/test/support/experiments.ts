import type { Experiment } from '../../src/core/decision/playbook.ts'
import {
  addExperimentSums,
  dayMs,
  type ExperimentSums,
  noExperimentSums,
} from '../../src/core/learning/experiment-sums.ts'

/** An experiment of ours against default content, and against any offer. */
export const heroOrder: Experiment = {
  name: 'hero-order',
  placements: new Set(['web.hero']),
  arms: [
    { name: 'ours', share: 0.9, shows: 'rules' },
    { name: 'none', share: 0.05, shows: 'fallback' },
    { name: 'any', share: 0.05, shows: 'random' },
  ],
  starts: Date.UTC(2026, 11, 1),
  ends: Number.POSITIVE_INFINITY,
  isRead: false,
  measure: { kind: 'outcome', outcome: 'accept', withinMs: 7 * dayMs },
  guardrails: [{ kind: 'outcome', outcome: 'dismiss', withinMs: 7 * dayMs }],
}

/** Of one arm, who all came on one day; nobody dismissed anything. */
export function sumsOf(
  arm: string,
  people: number,
  did: number,
  { before = 0, both = 0, at = heroOrder.starts } = {},
): ExperimentSums {
  const day = Math.floor(at / dayMs)
  return {
    arms: [
      {
        arm,
        people,
        measures: [
          { people, did, before, both },
          { people, did: 0, before: 0, both: 0 },
        ],
        days: [{ day, people, whole: people, did }],
      },
    ],
    seen: people,
    several: 0,
  }
}

export function addAll(all: readonly ExperimentSums[]): ExperimentSums {
  return all.reduce(addExperimentSums, noExperimentSums)
}

/** After three weeks: ours is better than default content; any offer is not told apart from it. */
export const someSums = addAll(
  Array.from({ length: 14 }, (_, day) => {
    const at = heroOrder.starts + day * dayMs
    return addAll([
      sumsOf('ours', 1_800 + 20 * day, 142 + day, { at }),
      sumsOf('none', 100 + day, 5, { at }),
      sumsOf('any', 101 + day, 6, { at }),
    ])
  }),
)
