import { isDeepStrictEqual } from 'node:util'
import type { Value } from '@halfsecond/protocol'
import { armsForm, learnForm } from './diff-forms.ts'
import type { OfferSource, PlacementSource, PlaybookSource } from './source.ts'

/**
 * Placements of which two playbooks say the same in everything that a choice there depends on: for the
 * same person, the same luck and the same model both choose alike, with the same probabilities. What
 * only reads differently, as a default that is written out, counts as a change.
 */
export function unchangedPlacements(
  before: PlaybookSource,
  after: PlaybookSource,
): ReadonlySet<string> {
  return new Set(
    Object.keys(after.placements).filter(
      (name) =>
        Object.hasOwn(before.placements, name) &&
        isDeepStrictEqual(dependenciesOf(name, before), dependenciesOf(name, after)) &&
        areCountedAlike(name, before, after),
    ),
  )
}

/** Traits that are read without being named: the time on the wall, and the language. */
const alwaysRead: readonly string[] = ['zone', 'locale']

/** All that a choice at a placement depends on, but who else is in its groups and its channel. */
function dependenciesOf(name: string, source: PlaybookSource) {
  const placement = source.placements[name]
  if (placement === undefined) return undefined
  const { zone, consent, rank, groups, channels, context = [] } = source
  const offers = offersAt(placement, source)
  const groupNames = groupsOf(offers)
  const { fallback: _, learn, ...rest } = placement
  const rules = {
    zone,
    consent,
    rank,
    placement: { ...rest, learn: learnForm(learn) },
    channel: own(channels, placement.channel),
    offers: mapped(offers, (offer) => shownIn(placement.format, offer)),
    groups: picked(groups, (group) => groupNames.has(group)),
    context: context.filter(
      ({ group, offer }) =>
        (group !== undefined && groupNames.has(group)) ||
        (offer !== undefined && Object.hasOwn(offers, offer)),
    ),
    experiments: experimentsAt(name, source),
  }
  return { rules, ...namedIn(JSON.stringify(rules), source) }
}

function offersAt({ format }: PlacementSource, { offers }: PlaybookSource) {
  return picked(offers, (_, { treatments }) => Object.hasOwn(treatments, format))
}

function groupsOf(offers: Entries<OfferSource>): ReadonlySet<string> {
  return new Set(Object.values(offers).flatMap(({ group }) => (group === undefined ? [] : [group])))
}

/** An offer as far as one format goes. */
function shownIn(format: string, { treatments, locales, ...rest }: OfferSource) {
  return {
    ...rest,
    content: filledIn(own(treatments, format)),
    locales: mapped(locales ?? {}, (forms) => filledIn(own(forms, format))),
  }
}

/** What stands in content as it is keeps no offer from being shown. */
function filledIn(content: Value | undefined): Value | undefined {
  return JSON.stringify(content)?.includes('${') ? content : undefined
}

/** What an experiment measures has no say in what it shows. */
function experimentsAt(name: string, { experiments }: PlaybookSource) {
  const here = picked(experiments, (_, { at }) => at.includes(name))
  return mapped(here, ({ arms, starts, ends }) => ({ arms: armsForm(arms), starts, ends }))
}

/**
 * What rules name, and what that names in turn. Whatever has its name anywhere in their text is taken
 * for named: rather too much than too little.
 */
function namedIn(text: string, { facts, events, traits, catalogues }: PlaybookSource) {
  const found: { [fact: string]: string } = {}
  const rest = new Map(Object.entries(facts ?? {}))
  let all = text
  const findMore = () => {
    const named = [...rest].filter(([fact]) => all.includes(fact))
    for (const [fact, condition] of named) {
      found[fact] = condition
      all += `\n${condition}`
      rest.delete(fact)
    }
    return named.length > 0
  }
  while (findMore());
  return {
    facts: found,
    events: picked(events, (event) => all.includes(event)),
    traits: picked(traits, (trait) => all.includes(trait) || alwaysRead.includes(trait)),
    catalogues: picked(catalogues, (catalogue) => all.includes(catalogue)),
  }
}

/**
 * Whether what was shown elsewhere counts the same in the limits of a placement. What only the later
 * playbook has was never shown, so it counts nowhere.
 */
function areCountedAlike(name: string, before: PlaybookSource, after: PlaybookSource): boolean {
  const placement = before.placements[name]
  if (placement === undefined) return false
  const groups = groupsOf(offersAt(placement, before))
  const areOffersAlike = Object.entries(before.offers ?? {}).every(([offer, { group }]) => {
    const now = own(after.offers, offer)?.group
    return group === now || !(isIn(groups, group) || isIn(groups, now))
  })
  if (!areOffersAlike) return false
  return Object.entries(before.placements).every(([other, { channel, token }]) => {
    const now = own(after.placements, other)
    // Deciding is the exposure where content is displayed later.
    if (now === undefined) return channel !== placement.channel && token === undefined
    if ((now.token === undefined) !== (token === undefined)) return false
    return (
      now.channel === channel ||
      (channel !== placement.channel && now.channel !== placement.channel)
    )
  })
}

function isIn(groups: ReadonlySet<string>, group: string | undefined): boolean {
  return group !== undefined && groups.has(group)
}

interface Entries<T> {
  readonly [name: string]: T
}

function own<T>(entries: Entries<T> | undefined, name: string): T | undefined {
  return entries !== undefined && Object.hasOwn(entries, name) ? entries[name] : undefined
}

function picked<T>(
  entries: Entries<T> | undefined,
  isWanted: (name: string, entry: T) => boolean,
): Entries<T> {
  return Object.fromEntries(
    Object.entries(entries ?? {}).filter(([name, entry]) => isWanted(name, entry)),
  )
}

function mapped<T, U>(entries: Entries<T>, to: (entry: T) => U): Entries<U> {
  return Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, to(entry)]))
}
