import type { FeatureSet } from '../features/feature-set.ts'
import { FeatureState } from '../features/feature-state.ts'
import { sessionGapMs } from '../features/sessions.ts'
import { type Entry, inOrder } from './entry.ts'
import type { Ground } from './evolve.ts'
import type { Fragment } from './fragment.ts'
import { FirstShown } from './said.ts'

type Reading = Pick<Ground, 'arena' | 'chunks'>

/** The whole timeline, oldest first. Reads every sealed row: for people and exports, not for decides. */
export function readTimeline(fragment: Fragment, ground: Reading): Entry[] {
  const open = fragment.open.entries(ground.arena)
  if (fragment.sealed === null) return open
  return [...fragment.sealed.read(fragment.identifier, ground.chunks), ...open].sort(inOrder)
}

/** Sealed chunks read in one step: about a millisecond. */
const chunksAtOnce = 16

/**
 * As `readTimeline`, in steps between which other work may have its turn. What is written meanwhile
 * is not in it.
 */
export function* readInSteps(fragment: Fragment, ground: Reading): Generator<undefined, Entry[]> {
  const { identifier, sealed } = fragment
  const open = fragment.open.entries(ground.arena)
  const chunks = sealed?.chunks ?? 0
  if (sealed === null || chunks === 0) return open
  const entries: Entry[] = []
  for (let number = 0; number < chunks; number++) {
    if (number % chunksAtOnce === chunksAtOnce - 1) yield
    entries.push(...sealed.decode(identifier, number, ground.chunks))
  }
  return [...entries, ...open].sort(inOrder)
}

/** The newest entries of a timeline, oldest first. Reads no more sealed rows than it has to. */
export function readNewest(fragment: Fragment, ground: Reading, count: number): Entry[] {
  let newest = fragment.open.entries(ground.arena).slice(-count)
  if (fragment.sealed === null || count === 0) return count === 0 ? [] : newest
  for (const { upTo, read } of fragment.sealed.chunksBack(fragment.identifier, ground.chunks)) {
    const oldest = newest[0]
    if (newest.length === count && oldest !== undefined && upTo < oldest.at) break
    newest = [...read(), ...newest].sort(inOrder).slice(-count)
  }
  return newest
}

/** Entries in the whole timeline. */
export function entriesIn({ open, sealed }: Fragment): number {
  return open.count + (sealed?.entries ?? 0)
}

/** The features of a set, computed from the timeline; kept by the fragment from then on. */
export function featuresOf(fragment: Fragment, set: FeatureSet, ground: Reading): FeatureState {
  if (fragment.features?.set === set) return fragment.features
  const state = stateOf(set, readTimeline(fragment, ground))
  fragment.features = state
  return state
}

/** The features of a timeline in order. */
export function stateOf(set: FeatureSet, timeline: readonly Entry[]): FeatureState {
  const state = new FeatureState(set)
  const shown = new FirstShown()
  for (const { at, record } of timeline)
    state.update(at, record, record.kind === 'outcome' && shown.isFirst(record))
  return state
}

export interface Session {
  readonly start: number
  readonly end: number
  readonly events: number
}

/** Sessions of a whole timeline: a gap of more than 30 minutes between entries ends one. */
export function sessionsOf(timeline: readonly Pick<Entry, 'at'>[]): Session[] {
  const sessions: { start: number; end: number; events: number }[] = []
  let open: { start: number; end: number; events: number } | undefined
  for (const { at } of timeline) {
    if (open && at - open.end <= sessionGapMs) {
      open.end = at
      open.events++
    } else {
      open = { start: at, end: at, events: 1 }
      sessions.push(open)
    }
  }
  return sessions
}
