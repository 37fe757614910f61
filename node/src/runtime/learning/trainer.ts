import type { Playbook } from '../../core/decision/playbook.ts'
import type { ArmPosterior } from '../../core/learning/belief.ts'
import type { LearnedPlacement } from '../../core/learning/learned-placement.ts'

/**
 * Learns of what was decided and what came of it. The bandit needs none: its beliefs are what the
 * logs count. Another one is asked again and again, and what it last believed is used instead.
 */
export interface Trainer {
  /** As `Learning.trainer` names it. */
  readonly name: string
  /**
   * One call at a time, on the node that publishes models. What it resolves with is kept until the
   * next call has ended well, for `beliefKeptMs` at most; of placements, arms and buckets that it
   * leaves out the bandit's beliefs stay. It may reject: then the bandit's stay, and it is counted.
   * It must not hold the loop for more than some milliseconds, and has `trainingMs`; what it resolves
   * with later counts for nothing.
   * @returns by placement
   */
  train(input: TrainingInput): Promise<ReadonlyMap<string, readonly ArmPosterior[]>>
}

export interface TrainingInput {
  /** Those of the active playbook whose trainer this is: at least one. */
  readonly placements: readonly LearnedPlacement[]
  readonly playbook: { readonly version: number; readonly playbook: Playbook }
  /** Logical time of the statistics that are published with it, in milliseconds since 1970. */
  readonly at: number
}

/** What takes a trainer longer is given up. */
export const trainingMs = 20_000

/** How often a trainer is asked at most. */
export const trainEveryMs = 60_000

/** Beliefs of a trainer that fails since are too old then: the bandit's are better. */
export const beliefKeptMs = 30 * 60_000
