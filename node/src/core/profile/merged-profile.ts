import type { FragmentId } from '@halfsecond/protocol'
import type { Profile } from '../decision/decide.ts'
import type { FeatureSet } from '../features/feature-set.ts'
import { FeatureState } from '../features/feature-state.ts'
import { isNewer } from '../identity/ties.ts'
import { type Born, eldestOf } from './arm.ts'
import { mergeConsents, mergeTraits } from './merge-registers.ts'
import type { Part } from './part.ts'

/**
 * The profile of several fragments: what one fragment with all their records would have, but that a
 * consent refused to any of them is refused, that what a part does not know is unknown, and that an
 * event sent to two of them counts twice. The order of the parts does not matter; of an id the newest version counts, and of equal versions the
 * last. Good until a part changes: it shares what they hold.
 */
export function mergeParts(parts: readonly Part[], set: FeatureSet): Profile {
  const [first] = parts
  if (first !== undefined && parts.length === 1 && first.features !== null) {
    const { traits, consents, features } = first
    return { traits, consents, features, eldest: { id: first.id, bornAt: first.bornAt } }
  }
  const newest = newestOf(parts)
  return mergeProfiles(
    newest.map(sideOf),
    newest.map(({ features }) => features),
    set,
  )
}

/** @param features of each side; null: not known */
export function mergeProfiles(
  sides: readonly Side[],
  features: readonly (FeatureState | null)[],
  set: FeatureSet,
): Profile {
  const known = features.filter((one) => one !== null)
  const [only] = known
  return {
    traits: mergeTraits(sides.map(({ traits }) => traits)),
    consents: mergeConsents(sides.map(({ consents }) => consents)),
    features:
      only !== undefined && features.length === 1
        ? only
        : FeatureState.merged(set, known, known.length === features.length),
    eldest: eldestIn(sides),
  }
}

/** All of a profile but its features. */
export type Side = Omit<Profile, 'features'>

export function sideOf({ id, bornAt, traits, consents }: Part): Side {
  return { traits, consents, eldest: { id, bornAt } }
}

function eldestIn(sides: readonly Side[]): Born | null {
  const known = sides.flatMap(({ eldest }) => eldest ?? [])
  return known.length === 0 ? null : eldestOf(known)
}

function newestOf(parts: readonly Part[]): readonly Part[] {
  const byId = new Map<FragmentId, Part>()
  for (const part of parts) {
    const present = byId.get(part.id)
    if (present === undefined || !isNewer(present.version, part.version)) byId.set(part.id, part)
  }
  return byId.size === parts.length ? parts : [...byId.values()]
}
