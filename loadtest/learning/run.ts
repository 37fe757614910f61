import type { Figures } from '../lib/figures.ts'

/** How much a part of the learning figures simulates. */
export interface Run {
  readonly figures: Figures
  /** Shops that learn from their visitors, of each kind. */
  readonly shops: number
  /** That each of them is open. */
  readonly weeks: number
  /** Shops whose log is asked about other policies. */
  readonly selves: number
  /** That such a log has. */
  readonly visits: number
  /** Of models, published while nodes are killed. */
  readonly versions: number
  /** Experiments without any difference, of each kind. */
  readonly runs: number
  /** Visitors whose arms are counted. */
  readonly visitors: number
}
