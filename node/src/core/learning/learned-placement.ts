import { armsAt } from '../decision/arms.ts'
import type { Learning, Playbook } from '../decision/playbook.ts'
import type { Arm } from './model.ts'

/** A placement that learns, with what can be tried there. */
export interface LearnedPlacement {
  readonly name: string
  readonly learning: Learning
  /** Each once, in the playbook's order. */
  readonly arms: readonly Arm[]
}

/** In the order of their names. */
export function learnedPlacements(playbook: Playbook): readonly LearnedPlacement[] {
  const learned: LearnedPlacement[] = []
  for (const placement of playbook.placements.values()) {
    const { name, learning } = placement
    if (learning) learned.push({ name, learning, arms: armsAt(placement).arms })
  }
  return learned.sort((one, other) => (one.name < other.name ? -1 : 1))
}
