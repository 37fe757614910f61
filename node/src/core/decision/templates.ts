import type { Item } from '../catalogue/catalogue.ts'
import type { Selection } from '../catalogue/selection.ts'
import { offerOfItem, templateOf } from '../features/feature-set.ts'
import type { Evaluation } from './evaluation.ts'
import type { Candidate, Formula, Placement } from './playbook.ts'
import { boundOf, isBefore } from './rank.ts'

/** Candidates that a template keeps after they were made: the items that are shown again and again. */
const madeMax = 20_000

/** Makes a candidate of each item of a catalogue that matches a person. */
export class Template {
  /** What all of them have in common. */
  readonly candidate: Candidate
  private readonly rank: Formula | undefined
  private readonly selection: Selection
  private readonly worth: (item: Item) => number
  private readonly made = new Map<Item, Candidate>()

  constructor(
    candidate: Candidate,
    rank: Formula | undefined,
    selection: Selection,
    worth: (item: Item) => number,
  ) {
    this.candidate = candidate
    this.rank = rank
    this.selection = selection
    this.worth = worth
  }

  /** In the order in which candidates stand at a placement, since all have the same priority. */
  candidates(evaluation: Evaluation): readonly Candidate[] {
    const made: Candidate[] = []
    for (const item of this.selection.of(evaluation)) made.push(this.candidateOf(item))
    return made
  }

  private candidateOf(item: Item): Candidate {
    let candidate = this.made.get(item)
    if (candidate !== undefined) return candidate
    const { offer } = this.candidate
    const name = offerOfItem(offer.name, item.id)
    const made = { ...offer, name, value: this.worth(item) }
    candidate = { ...this.candidate, item, offer: made, bound: boundOf(made, this.rank) }
    if (this.made.size === madeMax) this.made.clear()
    this.made.set(item, candidate)
    return candidate
  }
}

/** What shows an offer at a placement; of an item of a catalogue, what it has in common with the others. */
export function candidateOf(
  { candidates, templates }: Placement,
  offer: string,
): Candidate | undefined {
  const own = candidates.find((one) => one.offer.name === offer)
  if (own !== undefined) return own
  const template = templateOf(offer) ?? offer
  return templates.find(({ candidate }) => candidate.offer.name === template)?.candidate
}

/** All that may be shown at a placement to this person, in the order that a placement's candidates have. */
export function candidatesAt(
  { candidates, templates }: Placement,
  evaluation: Evaluation,
): readonly Candidate[] {
  let all = candidates
  for (const template of templates) all = merged(all, template.candidates(evaluation))
  return all
}

function merged(one: readonly Candidate[], other: readonly Candidate[]): readonly Candidate[] {
  if (one.length === 0) return other
  if (other.length === 0) return one
  const all: Candidate[] = []
  let at = 0
  for (const candidate of one) {
    for (let next = other[at]; next !== undefined; next = other[++at]) {
      if (!isBefore(next, next.bound, candidate, candidate.bound)) break
      all.push(next)
    }
    all.push(candidate)
  }
  all.push(...other.slice(at))
  return all
}
