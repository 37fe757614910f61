import { templateOf } from '../features/feature-set.ts'
import type { Arm } from '../learning/model.ts'
import type { Candidate, Placement } from './playbook.ts'

/** What is tried at a placement, each with a number: forms of offers, and of whatever a template makes. */
export class PlacementArms {
  readonly arms: readonly Arm[]
  private readonly numbers = new Map<Candidate, number>()
  private readonly ofTemplates = new Map<string, number>()

  constructor({ candidates, templates }: Placement) {
    const all = [...candidates, ...templates.map(({ candidate }) => candidate)]
    this.arms = all.map(({ offer, treatment }) => ({
      offer: offer.name,
      treatment,
      group: offer.group?.name,
    }))
    all.forEach((candidate, number) => {
      this.numbers.set(candidate, number)
      if (number >= candidates.length) this.ofTemplates.set(candidate.offer.name, number)
    })
  }

  /** Undefined for a candidate of another placement. */
  numberOf(candidate: Candidate): number | undefined {
    const own = this.numbers.get(candidate)
    if (own !== undefined || candidate.item === null) return own
    const template = templateOf(candidate.offer.name)
    return template === undefined ? undefined : this.ofTemplates.get(template)
  }
}

const known = new WeakMap<Placement, PlacementArms>()

export function armsAt(placement: Placement): PlacementArms {
  let arms = known.get(placement)
  if (arms === undefined) {
    arms = new PlacementArms(placement)
    known.set(placement, arms)
  }
  return arms
}
