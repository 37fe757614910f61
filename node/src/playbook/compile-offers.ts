import type { Candidate, Formula, Group, Limit, Offer } from '../core/decision/playbook.ts'
import { boundOf } from '../core/decision/rank.ts'
import { activeTimeOf } from './active-time.ts'
import type { Compilation } from './compilation.ts'
import type { AboutOffers } from './compile-contexts.ts'
import { compileStock, itemFieldsOf, type Stock } from './compile-templates.ts'
import type { Path } from './document.ts'
import { didYouMean } from './faults.ts'
import { compileAfter, compileLimit, LimitError, type LimitPlace, unsubscribed } from './limits.ts'
import type { LimitSource, OfferSource } from './source.ts'
import type { Treatments } from './treatments.ts'

/** An offer, and what it was compiled from. */
export interface Compiled {
  readonly offer: Offer
  readonly source: OfferSource
  /** Undefined for an offer of its own. */
  readonly stock: Stock | undefined
}

const defaultRejected = { pause: '30d' }

/** All offers of a playbook. */
export function compileOffers(
  compilation: Compilation,
  groups: ReadonlyMap<string, Group>,
  contexts: readonly AboutOffers[],
): Compiled[] {
  const sources = Object.entries(compilation.source.offers ?? {})
  for (const [name, { from }] of sources)
    if (from !== undefined) compilation.features.templates.add(name)
  return sources.map(([name, source]) => {
    const stock = compileStock(name, source, compilation)
    const offer = compilation.checker.item.within(itemFieldsOf(source, compilation), () =>
      offerOf(name, source, groups, contexts, compilation),
    )
    return { offer, source, stock }
  })
}

function offerOf(
  name: string,
  source: OfferSource,
  groups: ReadonlyMap<string, Group>,
  contexts: readonly AboutOffers[],
  compilation: Compilation,
): Offer {
  const { group, value = 1 } = source
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
    value:
      typeof value === 'number' || source.from !== undefined
        ? Number(value) || 0
        : compilation.formula(['offers', name, 'value'], value, false),
    weight,
    contexts: contexts
      .filter((one) => one.offer === name || (group !== undefined && one.group === group))
      .map(({ context }) => context),
    ...activeTimeOf(['offers', name], 'offer', source, compilation.zone, compilation.document),
    when: compilation.optionalCondition(['offers', name, 'when'], source.when),
    never: compilation.optionalCondition(['offers', name, 'never'], source.never),
  }
}

/** Greater priority first, then greater bound, then by name: the order that `decide` relies on. */
export function compareCandidates(a: Candidate, b: Candidate): number {
  const { offer } = a
  if (offer.priority !== b.offer.priority) return b.offer.priority - offer.priority
  // Bounds may both be infinite: their difference is no number.
  if (a.bound !== b.bound) return a.bound > b.bound ? -1 : 1
  return offer.name < b.offer.name ? -1 : 1
}

/** An offer in the form that fits a placement. */
export function compileCandidate(
  { offer, source }: Compiled,
  format: string,
  place: LimitPlace,
  rank: Formula | undefined,
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
    item: null,
    offer,
    treatment: format,
    bound: boundOf(offer, rank),
    limits,
    ...compilation.checker.item.within(itemFieldsOf(source, compilation), () =>
      treatments.form(offer.name, format, source),
    ),
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
