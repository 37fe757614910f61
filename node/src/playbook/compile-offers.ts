import type { Candidate, Group, Limit, Offer } from '../core/decision/playbook.ts'
import type { Compilation } from './compilation.ts'
import type { Path } from './document.ts'
import { didYouMean } from './faults.ts'
import { compileAfter, compileLimit, LimitError, type LimitPlace, unsubscribed } from './limits.ts'
import type { LimitSource, OfferSource } from './source.ts'
import type { Treatments } from './treatments.ts'

/** An offer, and what it was compiled from. */
export interface Compiled {
  readonly offer: Offer
  readonly source: OfferSource
}

const defaultRejected = { pause: '30d' }

/** All offers of a playbook, best first. */
export function compileOffers(
  compilation: Compilation,
  groups: ReadonlyMap<string, Group>,
): Compiled[] {
  return Object.entries(compilation.source.offers ?? {})
    .map(([name, source]) => ({ offer: offerOf(name, source, groups, compilation), source }))
    .sort((a, b) => compareOffers(a.offer, b.offer))
}

function offerOf(
  name: string,
  source: OfferSource,
  groups: ReadonlyMap<string, Group>,
  compilation: Compilation,
): Offer {
  const { group } = source
  if (group !== undefined && !groups.has(group))
    compilation.document.add(
      ['offers', name, 'group'],
      `no group "${group}"${didYouMean(group, groups.keys())}`,
    )
  const weight = group === undefined ? 1 : (compilation.source.groups?.[group]?.weight ?? 1)
  return {
    name,
    group: group === undefined ? undefined : groups.get(group),
    priority: source.priority ?? 0,
    score: (source.value ?? 1) * weight,
    when: compilation.optionalCondition(['offers', name, 'when'], source.when),
    never: compilation.optionalCondition(['offers', name, 'never'], source.never),
  }
}

/** Greater priority first, then greater score, then by name. */
function compareOffers(a: Offer, b: Offer): number {
  return b.priority - a.priority || b.score - a.score || (a.name < b.name ? -1 : 1)
}

/** An offer in the form that fits a placement. */
export function compileCandidate(
  { offer, source }: Compiled,
  format: string,
  place: LimitPlace,
  treatments: Treatments,
  compilation: Compilation,
): Candidate {
  const { features } = compilation
  const group = source.group === undefined ? {} : { group: source.group }
  const here = { ...place, ...group, offer: offer.name }
  const groupLimits =
    source.group === undefined ? undefined : compilation.source.groups?.[source.group]?.limits
  const { accepted = 'retire', rejected = defaultRejected } = source
  const limits = [
    ...unsubscribed(offer.name, source.group, features),
    ...compileAfter(accepted, rejected, offer.name, features),
    ...compileLimits(['offers', offer.name, 'limits'], source.limits, 'offer', here, compilation),
    ...compileLimits(
      ['groups', source.group ?? '', 'limits'],
      groupLimits,
      'offer',
      here,
      compilation,
    ),
  ]
  return {
    offer,
    treatment: format,
    limits,
    ...treatments.form(offer.name, format, source),
  }
}

/** Limits that cannot be compiled are faults. */
export function compileLimits(
  path: Path,
  sources: readonly LimitSource[] | undefined,
  own: 'offer' | 'placement',
  place: LimitPlace,
  { document, features }: Compilation,
): Limit[] {
  return (sources ?? []).flatMap((source, index) => {
    try {
      return [compileLimit(source, own, place, features)]
    } catch (error) {
      if (!(error instanceof LimitError)) throw error
      document.add([...path, index, error.key], error.message)
      return []
    }
  })
}
