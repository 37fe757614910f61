import type { PlaybookDocument } from '../document.ts'
import type { OfferSource, PlaybookSource } from '../source.ts'

/**
 * Warns of offers that always stand behind others: at every placement where they could be shown, so
 * many offers of a greater priority as it has room for are shown to everybody and at that placement
 * alone. (What is shown at another placement of the same answer makes room.)
 */
export function warnOfOffersBehind(source: PlaybookSource, document: PlaybookDocument): void {
  const { offers = {}, placements } = source
  const everywhere = Object.entries(placements)
  const shownAt = (offer: OfferSource) =>
    everywhere.filter(([, { format }]) => Object.hasOwn(offer.treatments, format))
  const steady = Object.entries(offers).flatMap(([name, offer]) => {
    const [only, ...others] = shownAt(offer)
    return only !== undefined && others.length === 0 && isSteady(offer, source)
      ? [{ name, at: only[0], priority: offer.priority ?? 0 }]
      : []
  })
  if (steady.length === 0 || source.rank !== undefined) return
  for (const [name, offer] of Object.entries(offers)) {
    const before: string[] = []
    const places = shownAt(offer)
    const isBehind = places.every(([at, { count = 1, rank }]) => {
      // A formula need not put the greater priority first.
      if (rank !== undefined) return false
      const first = steady.filter((one) => one.at === at && one.priority > (offer.priority ?? 0))
      before.push(...first.map((one) => one.name))
      return first.length >= count
    })
    if (places.length === 0 || !isBehind) continue
    const names = [...new Set(before)].join(', ')
    document.warnAtKey(
      ['offers', name],
      `it is never shown: ${names} has a greater priority, and nothing keeps that out`,
    )
  }
}

/** What an offer may say and still be shown to everybody for ever. Anything else may keep it out. */
const harmless: ReadonlySet<string> = new Set([
  'group',
  'priority',
  'value',
  'accepted',
  'rejected',
  'treatments',
])

function isSteady(offer: OfferSource, { groups = {} }: PlaybookSource): boolean {
  const group = groups[offer.group ?? ''] ?? {}
  return (
    Object.keys(offer).every((key) => harmless.has(key)) &&
    Object.keys(group).every((key) => key === 'weight') &&
    offer.accepted === 'allow' &&
    offer.rejected === 'allow' &&
    !JSON.stringify(offer.treatments).includes('${')
  )
}
