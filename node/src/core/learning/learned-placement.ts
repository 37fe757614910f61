import type { Learning, Placement, Playbook } from '../decision/playbook.ts'
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
    if (learning) learned.push({ name, learning, arms: armsOf(placement) })
  }
  return learned.sort((one, other) => (one.name < other.name ? -1 : 1))
}

function armsOf({ candidates, templates }: Placement): readonly Arm[] {
  const all = [...candidates, ...templates.map(({ candidate }) => candidate)]
  return all.map(({ offer, treatment }) => ({
    offer: offer.name,
    treatment,
    group: offer.group?.name,
  }))
}
