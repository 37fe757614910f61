import { type FragmentId, isFields, isFragmentId } from '@halfsecond/protocol'
import { type Fragment, isUnknown } from '../fragment/fragment.ts'
import { entriesIn } from '../fragment/timeline.ts'
import { type Device, isShared } from '../identity/device.ts'
import type { Link, Ties } from '../identity/ties.ts'
import { isoTime, type LinkView, type RegisterViews, registerViewsOf } from '../profile-view.ts'

/** A fragment without its timeline, and how its home ties it to others: what persons are put together from. */
export interface HeadView extends RegisterViews {
  readonly id: FragmentId
  /** In its timeline. */
  readonly entries: number
  /** Who is one person with it: upper ends of its valid links, and whoever is tied to it from below. */
  readonly tied: readonly FragmentId[]
  /** Of a device that changed hands, oldest first. */
  readonly epochs: readonly EpochView[]
  /** Of a device: whether two or more people logged in on it; else absent. */
  readonly isShared?: boolean
  readonly erasures: readonly ErasureView[]
  /** Of a root: those that other systems were told of; absent where there are none. */
  readonly segments?: readonly string[]
}

export interface EpochView {
  /** Absent for the first. */
  readonly from?: string
  /** Absent while it goes on. */
  readonly to?: string
  /** Whether somebody logged in; whoever it was is not kept. */
  readonly isClaimed: boolean
}

/** An erase that reached the fragment. */
export interface ErasureView {
  readonly eraseId: string
  /** Links that are younger did not spread it. */
  readonly at: string
  /** From where it came; absent where it was asked for, and once it is done. */
  readonly from?: FragmentId
  /** When everybody that it spread to had answered; absent before. */
  readonly doneAt?: string
  /** Those that have not answered yet. */
  readonly waiting: number
}

/** @returns undefined where nothing is known of it */
export function headOf(fragment: Fragment): HeadView | undefined {
  if (isUnknown(fragment)) return undefined
  const { identifier: id, ties, device, segments } = fragment
  const registers = registerViewsOf(fragment)
  return {
    id,
    entries: entriesIn(fragment),
    ...registers,
    links: ties === null ? registers.links : viewLinks(registers.links, ties),
    tied: ties === null ? [] : tiedTo(ties),
    epochs: device === null ? [] : viewEpochs(device),
    ...(isShared(device) && { isShared: true }),
    erasures: ties === null ? [] : viewErasures(ties),
    ...(segments !== null && { segments: [...segments].sort() }),
  }
}

/** A fragment that brought nothing, and that others are linked to. */
export function emptyHead(id: FragmentId): HeadView {
  const facts = { traits: {}, links: [], consents: {} }
  return { id, entries: 0, ...facts, tied: [], epochs: [], erasures: [] }
}

/** Nodes are trusted for content; the form is checked. */
export function isHeadView(value: unknown): value is HeadView {
  if (!isFields(value)) return false
  const { id, entries, traits, links, consents, tied, epochs, erasures } = value
  return (
    isFragmentId(id) &&
    typeof entries === 'number' &&
    isFields(traits) &&
    isFields(consents) &&
    [links, tied, epochs, erasures].every(Array.isArray)
  )
}

/** With what recognition made of each; last those that contradicted what is known of a device. */
function viewLinks(written: readonly LinkView[], { links }: Ties): LinkView[] {
  const known = new Set(written.map(({ to }) => to))
  const others = [...links].filter(([to]) => !known.has(to))
  return [
    ...written.map((view) => {
      const link = isFragmentId(view.to) ? links.get(view.to) : undefined
      return link === undefined ? view : { ...view, ...viewTie(link) }
    }),
    ...others.map(([to, link]) => {
      const { strength, since } = link
      return { to, strength, at: isoTime(since), id: '', ...viewTie(link) }
    }),
  ]
}

function viewTie({ state, since, reason, under }: Link): Partial<LinkView> {
  return { state, since: isoTime(since), ...(reason !== '' && { reason }), under }
}

function tiedTo(ties: Ties): FragmentId[] {
  const tied = new Set<FragmentId>()
  for (const [to, { state }] of ties.links) if (state === 'valid') tied.add(to)
  for (const [from, { since }] of ties.below) if (since !== null) tied.add(from)
  return [...tied]
}

function viewEpochs({ epochs }: Device): EpochView[] {
  if (epochs.length === 1) return []
  return epochs.map(({ from, to, owner }, index) => ({
    ...(index > 0 && { from: isoTime(from) }),
    ...(to !== null && { to: isoTime(to) }),
    isClaimed: owner !== null,
  }))
}

function viewErasures({ tomb }: Ties): ErasureView[] {
  return [...(tomb?.erasures ?? [])].map(([eraseId, { at, back, wait, doneAt }]) => ({
    eraseId,
    at: isoTime(at),
    ...(back !== null && { from: back }),
    ...(doneAt > 0 && { doneAt: isoTime(doneAt) }),
    waiting: wait.size,
  }))
}
