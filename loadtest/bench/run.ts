import type { Figures } from '../lib/figures.ts'

/** How long and how hard a part of the bench drives. */
export interface Run {
  readonly figures: Figures
  readonly seconds: number
  /** Events a second that are offered. */
  readonly rate: number
  /** Visitors that the part `memory` holds. */
  readonly held: number
}

/** Visitors that are spoken of: uniform over these unless said otherwise. */
export const visitors = 1_000_000
