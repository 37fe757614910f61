import { fnv1a32 } from '@halfsecond/protocol'
import { drawsPerArm, type PlacementModel } from '../learning/model.ts'

/** What is left to chance at one placement of one decision. */
export interface Chance {
  readonly model: PlacementModel | undefined
  readonly bucket: string
  /** Share of decisions that show any of the candidates, each alike. */
  readonly explore: number
  /** Undefined: nothing is left to chance, and what is expected decides. */
  readonly seed: string | undefined
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
 * The same decision, placement and slot always draw the same. Two hashes of 32 bits, each mixed as at
 * the end of MurmurHash3, since FNV-1a alone leaves similar texts with similar high bits.
 */
export function drawFor(seed: string, placement: string, slot: number): Draw {
  const first = mixed(fnv1a32(`${seed} ${placement} ${slot}`))
  const second = mixed(first ^ fnv1a32(seed))
  return {
    index: second % drawsPerArm,
    explores: first / 2 ** 32,
    which: Math.floor(second / drawsPerArm) / (2 ** 32 / drawsPerArm),
  }
}

function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
