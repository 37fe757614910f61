import {
  compareFragmentIds,
  fragmentName,
  isFragmentId,
  type Namespaces,
} from '@halfsecond/protocol'
import { compareIds } from '../fragment/entry.ts'
import {
  type ConsentView,
  type EntryView,
  type LinkView,
  type ProfileView,
  type SessionView,
  type TraitView,
  viewSessions,
} from '../profile-view.ts'
import type { EpochView, HeadView } from './head-view.ts'

/** By which identifier something is known: its name for people. */
interface Brought {
  readonly by: string
}

/** A link for people: both ends by their names. */
export interface PersonLink extends Omit<LinkView, 'to'> {
  readonly lower: string
  readonly upper: string
}

/** What is known of a person without the timeline: everything that the members' heads say. */
export interface PersonHead {
  /** The greatest identifier: the profile is kept under it. */
  readonly root: string
  /** All that the person is known by, greatest first. */
  readonly identifiers: readonly string[]
  /** The last write of each wins. */
  readonly traits: { readonly [name: string]: TraitView & Brought }
  /** Removed and refused ones included. */
  readonly links: readonly PersonLink[]
  /** The most restrictive of each wins. */
  readonly consents: { readonly [purpose: string]: ConsentView & Brought }
  /** In the timelines of all. */
  readonly entries: number
  /** Those that other systems were told of; absent where there are none. */
  readonly segments?: readonly string[]
  /** Of a device that was asked for by its name: when it changed hands. */
  readonly epochs?: readonly EpochView[]
}

/** Everything known of a person. */
export interface PersonView extends PersonHead {
  /** Of all members, oldest first. */
  readonly timeline: readonly PersonEntry[]
  readonly sessions: readonly SessionView[]
}

export type PersonEntry = EntryView & Brought

/** Joins the heads of all members. @param asked whose person it is */
export function joinHeads(
  asked: HeadView,
  members: readonly HeadView[],
  namespaces: Namespaces,
): PersonHead {
  const inOrder = greatestFirst(members, namespaces)
  const root = inOrder[0] ?? asked
  return {
    root: fragmentName(root.id),
    identifiers: inOrder.map(({ id }) => fragmentName(id)),
    traits: joinEach(inOrder, ({ traits }) => traits, isLater),
    links: linksOf(inOrder),
    consents: joinEach(inOrder, ({ consents }) => consents, isStricter),
    entries: members.reduce((sum, { entries }) => sum + entries, 0),
    ...(root.segments && { segments: root.segments }),
    ...(asked.epochs.length > 0 && { epochs: asked.epochs }),
  }
}

export function greatestFirst(heads: readonly HeadView[], namespaces: Namespaces): HeadView[] {
  return [...heads].sort((a, b) => compareFragmentIds(b.id, a.id, namespaces))
}

/** The links that these fragments hold, in the order of the fragments. */
export function linksOf(members: readonly HeadView[]): PersonLink[] {
  return members.flatMap(({ id, links }) =>
    links.map(({ to, ...link }) => ({
      lower: fragmentName(id),
      upper: isFragmentId(to) ? fragmentName(to) : to,
      ...link,
    })),
  )
}

/** Joins the timelines of all members, oldest first. Entries of the same time stand in the order of their ids. */
export function joinTimelines(
  members: readonly Pick<ProfileView, 'identifiers' | 'timeline'>[],
): PersonEntry[] {
  const timed = members.flatMap(({ identifiers: [id], timeline }) => {
    const by = id === undefined ? '' : fragmentName(id)
    return timeline.map((entry) => ({ at: Date.parse(entry.at), entry: { ...entry, by } }))
  })
  return timed
    .sort((a, b) => a.at - b.at || compareIds(a.entry.id, b.entry.id))
    .map(({ entry }) => entry)
}

/** Sessions over a joined timeline: a person who goes from one device to another is in one. */
export function sessionsIn(timeline: readonly PersonEntry[]): SessionView[] {
  const own = timeline.filter(({ kind }) => kind !== 'grant')
  return viewSessions(own.map(({ at }) => ({ at: Date.parse(at) })))
}

function joinEach<V extends { readonly at: string; readonly id: string }>(
  members: readonly HeadView[],
  viewsOf: (head: HeadView) => { readonly [name: string]: V },
  wins: (one: V, over: V) => boolean,
): { [name: string]: V & Brought } {
  const joined = new Map<string, V & Brought>()
  for (const member of members) {
    for (const [name, view] of Object.entries(viewsOf(member))) {
      const present = joined.get(name)
      if (present === undefined || wins(view, present))
        joined.set(name, { ...view, by: fragmentName(member.id) })
    }
  }
  return Object.fromEntries([...joined].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** As decisions see it: of two writes of one id at one time, the one whose value is greater as text. */
function isLater(one: TraitView & ConsentView, than: TraitView & ConsentView): boolean {
  if (one.at !== than.at) return Date.parse(one.at) > Date.parse(than.at)
  if (one.id !== than.id) return compareIds(one.id, than.id) > 0
  return textOf(one) > textOf(than)
}

function textOf({ value, granted }: TraitView & ConsentView): string {
  return JSON.stringify(value ?? granted) ?? ''
}

/** A denial wins over what was granted, wherever and whenever; of two that say the same, the later. */
function isStricter(one: ConsentView, than: ConsentView): boolean {
  const difference = Number(one.granted === false) - Number(than.granted === false)
  return difference > 0 || (difference === 0 && isLater(one, than))
}
