/*
 * What a model says of the arms of a placement: for each, in each bucket of visitors, so many rates
 * that are likely, drawn beforehand. The n-th draws of all arms belong together: an arm's share of
 * the draws that it wins is its probability, and nobody samples while deciding.
 */

/** Draws of an arm: a decision takes one of them, and every probability is a multiple of a 64th. */
export const drawsPerArm = 64

/** An immutable version of what was learnt. */
export interface Model {
  /** 0: nothing was published yet. */
  readonly version: number
  /** What it says of a placement with this lesson; undefined where it does not know it. */
  of(placement: string, lesson: string): PlacementModel | undefined
}

export interface PlacementModel {
  /**
   * Rates of an arm, `drawsPerArm` of them. Of a bucket that is not known those of the arm anywhere,
   * of an arm that is not known those of its offer, its group, or of anything.
   */
  drawsOf(arm: Arm, bucket: string): ArmDraws
}

/** What is tried: one form of one offer. Items of a template are one arm. */
export interface Arm {
  /** The offer, or the template that it is made by. */
  readonly offer: string
  readonly treatment: string
  /** Undefined: in no group. */
  readonly group: string | undefined
}

export interface ArmDraws {
  /** From 0 to 1. */
  readonly rates: Float32Array
  /** The expected rate. */
  readonly mean: number
}

/** Before anything was learnt: every placement chooses by its rules alone. */
export const noModel: Model = { version: 0, of: () => undefined }
