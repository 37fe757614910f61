import type { FeatureSet } from '../features/feature-set.ts'
import { FeatureState } from '../features/feature-state.ts'
import { sessionGapMs } from '../features/sessions.ts'
import { compareIds, type Entry, identityOf } from './entry.ts'
import type { Ground } from './evolve.ts'
import type { Fragment } from './fragment.ts'

type Reading = Pick<Ground, 'arena' | 'chunks'>

/** The whole timeline, oldest first. Reads every sealed row: for people and exports, not for decides. */
export function readTimeline(fragment: Fragment, ground: Reading): Entry[] {
  const open = fragment.open.entries(ground.arena)
  if (fragment.sealed === null) return open
  return [...fragment.sealed.read(fragment.identifier, ground.chunks), ...open].sort(
    (a, b) => a.at - b.at || compareIds(identityOf(a.record), identityOf(b.record)),
  )
}

/** The features of a set, computed from the timeline; kept by the fragment from then on. */
export function featuresOf(fragment: Fragment, set: FeatureSet, ground: Reading): FeatureState {
  if (fragment.features?.set === set) return fragment.features
  const state = new FeatureState(set)
  for (const entry of readTimeline(fragment, ground)) state.update(entry.at, entry.record)
  fragment.features = state
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
