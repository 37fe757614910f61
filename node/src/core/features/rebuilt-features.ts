import type { Entry } from '../fragment/entry.ts'
import { stateOf } from '../fragment/timeline.ts'
import type { FeatureSet } from './feature-set.ts'
import { FeatureState } from './feature-state.ts'
import { Sessions } from './sessions.ts'
import { restoreFeatures } from './stored-features.ts'

/** What is left of a fragment's timeline. */
export interface RememberedTimeline {
  /** In order. */
  readonly entries: readonly Entry[]
  /** Older entries may be missing; null: none is. */
  readonly floor: number | null
}

/** Nothing of a fragment is known: everything may be missing up to this time. */
export const neverKnown = Number.MAX_SAFE_INTEGER

/**
 * Some features of a set, computed anew from timelines; of the others the state knows of no match.
 * @param timelines of each fragment of a person; undefined: nothing is left of it
 */
export function rebuiltFeatures(
  set: FeatureSet,
  indexes: ReadonlySet<number>,
  timelines: readonly (RememberedTimeline | undefined)[],
): FeatureState {
  const parts = timelines.map((timeline) => partOf(set, indexes, timeline))
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : FeatureState.merged(set, parts, true)
}

function partOf(
  set: FeatureSet,
  indexes: ReadonlySet<number>,
  timeline: RememberedTimeline | undefined,
): FeatureState {
  const floor = timeline === undefined ? neverKnown : timeline.floor
  const [rings, reached, , , sketches = []] = stateOf(set, timeline?.entries ?? []).stored()
  const wanted = (stored: unknown) =>
    Array.isArray(stored) ? stored.filter(([index]) => indexes.has(index)) : []
  const floors = floor === null ? [] : [...indexes].map((index) => [index, floor])
  const noSessions = new Sessions().stored()
  const kept = [wanted(rings), wanted(reached), noSessions, floors, wanted(sketches)]
  return restoreFeatures(set, kept) ?? new FeatureState(set)
}
