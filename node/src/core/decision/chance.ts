import { fnv1a32 } from '@halfsecond/protocol'
import { mixed32 } from '../digest.ts'
import { drawsPerArm, type PlacementModel } from '../learning/model.ts'
import type { DecideRequest } from './decide.ts'
import type { Evaluation } from './evaluation.ts'
import type { Placement } from './playbook.ts'

/** What is left to chance at one placement of one decision. */
export interface Chance {
  readonly model: PlacementModel | undefined
  readonly bucket: string
  /** Share of decisions that show any of the candidates, each alike. */
  readonly explore: number
  /** Undefined: nothing is left to chance, and what is expected decides. */
  readonly seed: string | undefined
}

/** By what a placement learnt; undefined where it does not learn. */
export function learnedChance(
  { learning, name }: Placement,
  { seed, model }: Pick<DecideRequest, 'seed' | 'model'>,
  evaluation: Evaluation,
): Chance | undefined {
  if (learning === undefined) return undefined
  const { lesson, explore, bucketOf } = learning
  return { model: model?.of(name, lesson), bucket: bucketOf(evaluation), explore, seed }
}

/** What fell for one slot. */
export interface Draw {
  /** Which of an arm's draws counts. */
  readonly index: number
  /** From 0 up to, not including, 1: below `explore`, any candidate is shown. */
  readonly explores: number
  /** From 0 up to, not including, 1: which one then. */
  readonly which: number
}

/**
 * The same decision, placement and slot always draw the same. Two hashes of 32 bits, each mixed, since
 * FNV-1a alone leaves similar texts with similar high bits.
 */
export function drawFor(seed: string, placement: string, slot: number): Draw {
  const first = mixed32(fnv1a32(`${seed} ${placement} ${slot}`)) >>> 0
  const second = mixed32(first ^ fnv1a32(seed)) >>> 0
  return {
    index: second % drawsPerArm,
    explores: first / 2 ** 32,
    which: Math.floor(second / drawsPerArm) / (2 ** 32 / drawsPerArm),
  }
}
