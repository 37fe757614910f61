import {
  compareUtf8,
  type FragmentId,
  type Outcome,
  type Properties,
  type Strength,
  type Value,
} from '@halfsecond/protocol'
import type { Entry } from './fragment/entry.ts'
import type { Ground } from './fragment/evolve.ts'
import type { Fragment } from './fragment/fragment.ts'
import type { Register, Registers } from './fragment/registers.ts'
import { readInSteps, readNewest, readTimeline, sessionsOf } from './fragment/timeline.ts'
import type { Link } from './identity/ties.ts'

/** What stands in registers: each holds the last write. */
export interface RegisterViews {
  readonly traits: { readonly [name: string]: TraitView }
  readonly links: readonly LinkView[]
  readonly consents: { readonly [purpose: string]: ConsentView }
}

/**
 * A fragment for people and other systems: what `export` prints. Times are ISO 8601 in UTC with
 * milliseconds. Lossless: re-folding it gives the same facts.
 */
export interface ProfileView extends RegisterViews {
  readonly identifiers: readonly FragmentId[]
  /** Oldest first. */
  readonly timeline: readonly EntryView[]
  /** Of the whole timeline; a gap of more than 30 minutes ends one. */
  readonly sessions: readonly SessionView[]
}

/** Where a written value came from. A removal has no `value`. */
interface WrittenView {
  readonly at: string
  readonly id: string
  readonly channel?: string
  readonly source?: string
}

export interface TraitView extends WrittenView {
  readonly value?: Value
}

export interface LinkView extends WrittenView {
  readonly to: string
  /** Absent where the link was removed. */
  readonly strength?: Strength
  /** What recognition makes of the link; absent where it was removed, and where it does not matter. */
  readonly state?: Link['state']
  /** Start of its unbroken validity. */
  readonly since?: string
  /** Why it was refused. */
  readonly reason?: string
  /** Version of the identity configuration that it was told under. */
  readonly under?: number
}

export interface ConsentView extends WrittenView {
  readonly granted?: boolean
}

/** One entry of a timeline. */
export interface EntryView {
  /** The time that counts: the sender's, but never later than the log's. */
  readonly at: string
  /** The sender's own time, where it was later. */
  readonly sentAt?: string
  /** The event's name, or the kind of any other record: `outcome`, `logout`, `grant`. */
  readonly kind: string
  readonly id: string
  readonly channel?: string
  readonly source?: string
  /** Of an event. */
  readonly properties?: Properties
  /** Of an outcome; of a grant all but `treatment` and `outcome`. */
  readonly decision?: string
  readonly placement?: string
  readonly offer?: string
  readonly treatment?: string
  readonly outcome?: Outcome
  /** Of a grant whose offer is in one. */
  readonly group?: string
}

export interface SessionView {
  readonly start: string
  readonly end: string
  readonly events: number
}

/** What a source has said of a fragment, and no other has said again. */
export interface SourceView {
  readonly identifier: FragmentId
  readonly traits: { readonly [name: string]: TraitView }
  /** Of which this source had the last word, by their upper ends. */
  readonly links: readonly SourceLinkView[]
}

export interface SourceLinkView {
  readonly to: FragmentId
  /** When the source said so. */
  readonly at: string
  readonly state: Link['state']
}

/** Undefined where the source has said nothing that still counts. Does not read the timeline. */
export function sourceViewOf(
  { identifier, traits, links, ties }: Pick<Fragment, 'identifier' | 'traits' | 'links' | 'ties'>,
  source: string,
): SourceView | undefined {
  const own = [...(traits ?? [])].filter(
    ([, register]) => register.source === source && register.value !== undefined,
  )
  const told = [...(ties?.links ?? [])].flatMap(([to, { state }]) => {
    const register = links?.get(to)
    return register?.source === source ? [{ to, at: isoTime(register.at), state }] : []
  })
  if (own.length + told.length === 0) return undefined
  const viewed = viewEach(new Map(own), (value) => (value === undefined ? {} : { value }))
  return { identifier, traits: viewed, links: told.sort((a, b) => compareUtf8(a.to, b.to)) }
}

/**
 * The view of one fragment. The same facts give the same view.
 * @param newest shows so many entries only, the newest, and their sessions; undefined: all
 */
export function viewOf(
  fragment: Fragment,
  ground: Pick<Ground, 'arena' | 'chunks'>,
  newest?: number,
): ProfileView {
  const timeline =
    newest === undefined ? readTimeline(fragment, ground) : readNewest(fragment, ground, newest)
  return {
    identifiers: [fragment.identifier],
    ...registerViewsOf(fragment),
    timeline: timeline.map(viewEntry),
    sessions: viewSessions(timeline.filter(isOwnAct)),
  }
}

/** Entries viewed in one step: about a millisecond. */
const entriesAtOnce = 512

/** As `viewOf` of a whole timeline, in steps between which other work may have its turn. */
export function* viewInSteps(
  fragment: Fragment,
  ground: Pick<Ground, 'arena' | 'chunks'>,
): Generator<undefined, ProfileView> {
  const registers = registerViewsOf(fragment)
  const entries = yield* readInSteps(fragment, ground)
  const timeline: EntryView[] = []
  for (let i = 0; i < entries.length; i += entriesAtOnce) {
    if (i > 0) yield
    timeline.push(...entries.slice(i, i + entriesAtOnce).map(viewEntry))
  }
  const identifiers = [fragment.identifier]
  return { identifiers, ...registers, timeline, sessions: viewSessions(entries.filter(isOwnAct)) }
}

/** Nobody came because something was sent to them. */
function isOwnAct({ record }: Entry): boolean {
  return record.kind !== 'grant'
}

/** The registers of one fragment, by name. */
export function registerViewsOf(fragment: Fragment): RegisterViews {
  return {
    traits: viewEach(fragment.traits, (value) => (value === undefined ? {} : { value })),
    links: sorted(fragment.links).map(([to, register]) => ({
      to,
      ...viewRegister(register, (strength) => (strength === undefined ? {} : { strength })),
    })),
    consents: viewEach(fragment.consents, (granted) => (granted === undefined ? {} : { granted })),
  }
}

/** Sessions of a whole timeline, oldest entry first. */
export function viewSessions(timeline: readonly { readonly at: number }[]): SessionView[] {
  return sessionsOf(timeline).map(({ start, end, events }) => ({
    start: isoTime(start),
    end: isoTime(end),
    events,
  }))
}

/** By name; `fromEntries` also takes names like `__proto__` as they are. */
function viewEach<T, V>(
  registers: Registers<T> | null,
  viewValue: (value: T | undefined) => V,
): { [name: string]: WrittenView & V } {
  return Object.fromEntries(
    sorted(registers).map(([name, register]) => [name, viewRegister(register, viewValue)]),
  )
}

function sorted<T>(registers: Registers<T> | null): [string, Register<T>][] {
  return [...(registers ?? [])].sort(([a], [b]) => compareUtf8(a, b))
}

function viewRegister<T, V>(
  { value, at, id, channel, source }: Register<T>,
  viewValue: (value: T | undefined) => V,
): WrittenView & V {
  return { ...viewValue(value), at: isoTime(at), id, ...senderOf({ channel, source }) }
}

function viewEntry({ at, record }: Entry): EntryView {
  const written = {
    at: isoTime(at),
    ...(record.at !== at && { sentAt: isoTime(record.at) }),
    kind: record.kind === 'event' ? record.name : record.kind,
    id: record.kind === 'grant' ? record.decision : record.id,
    ...senderOf(record),
  }
  switch (record.kind) {
    case 'grant': {
      const { decision, placement, offer, group } = record
      return { ...written, decision, placement, offer, ...(group !== undefined && { group }) }
    }
    case 'event':
      return { ...written, properties: record.properties }
    case 'outcome': {
      const { decision, placement, offer, treatment, outcome } = record
      return { ...written, decision, placement, offer, treatment, outcome }
    }
    case 'logout':
      return written
  }
}

function senderOf({
  channel,
  source,
}: {
  readonly channel?: string | undefined
  readonly source?: string | undefined
}): Pick<WrittenView, 'channel' | 'source'> {
  return { ...(channel !== undefined && { channel }), ...(source !== undefined && { source }) }
}

export function isoTime(at: number): string {
  return new Date(at).toISOString()
}
