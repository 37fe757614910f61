import { isFields } from '@halfsecond/protocol'
import { type Fields, listOf, textOf } from './fields.ts'
import { tableOf } from './table.ts'

/** What happened, without its time. */
export function describeEntry(entry: Fields): string {
  const { kind, properties, offer, placement, outcome } = entry
  if (kind === 'grant') return `grant of ${textOf(offer)} at ${textOf(placement)}`
  if (kind === 'outcome') return `${textOf(outcome)} of ${textOf(offer)} at ${textOf(placement)}`
  const hasMore = isFields(properties) && Object.keys(properties).length > 0
  return hasMore ? `${textOf(kind)} ${JSON.stringify(properties)}` : textOf(kind)
}

/** When a device changed hands; nothing for whatever did not. */
export function describeEpochs(view: Fields): string[] {
  return listOf(view.epochs).map(({ from, to, isClaimed }, number) => {
    const whose = isClaimed === true ? 'somebody was logged in' : 'nobody was logged in'
    const begin = from === undefined ? '' : ` from ${textOf(from)}`
    const end = to === undefined ? ' until now' : ` to ${textOf(to)}`
    return `epoch ${number}${begin}${end}: ${whose}`
  })
}

/** Links as a table, with why those that join nobody do not. */
export function linkTable(links: readonly Fields[]): string[] {
  return tableOf([
    ['LOWER', 'UPPER', 'SINCE', 'STRENGTH', 'STATE', 'UNDER', 'REASON'],
    ...links.map(({ lower, upper, since, at, strength, state, under, reason }) =>
      [lower, upper, since ?? at, strength, state, under, reason].map(textOf),
    ),
  ])
}

/** A person in one line, and the traits that it has. */
export function describePerson(person: Fields): string[] {
  const identifiers = Array.isArray(person.identifiers) ? person.identifiers : []
  const traits = Object.keys(Object(person.traits))
  return [identifiers.join(', '), `  traits: ${traits.length === 0 ? 'none' : traits.join(', ')}`]
}
