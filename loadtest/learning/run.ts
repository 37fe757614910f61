import type { Figures } from '../lib/figures.ts'

/** How much a part of the learning figures simulates. */
export interface Run {
  readonly figures: Figures
  /** Experiments without any difference, of each kind. */
  readonly runs: number
  /** Visitors whose arms are counted. */
  readonly visitors: number
}
