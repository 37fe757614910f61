import type { FragmentId } from '@halfsecond/protocol'
import { profileOf } from '../decision/profile.ts'
import type { FeatureSet } from '../features/feature-set.ts'
import type { FeatureState } from '../features/feature-state.ts'
import type { FragmentRecord, Ground } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import { featuresOf } from '../fragment/timeline.ts'
import type { CopyLink, Ties, Version } from '../identity/ties.ts'

/** What one fragment brings to a profile: everything but its timeline. */
export interface Part {
  readonly id: FragmentId
  readonly version: Version
  readonly traits: Registers<TraitValue> | null
  readonly consents: Registers<boolean> | null
  /** Its valid links to greater fragments. */
  readonly links: readonly CopyLink[]
  /** Null: not known under the playbook that asks. */
  readonly features: FeatureState | null
}

type Reading = Pick<Ground, 'arena' | 'chunks'>

/** The part of a fragment at its home. It shares what the fragment holds, so use it before the next fold. */
export function ownPart(
  fragment: Fragment,
  ties: Ties | null,
  set: FeatureSet,
  ground: Reading,
): Part {
  return {
    id: fragment.identifier,
    version: versionOf(fragment),
    traits: fragment.traits,
    consents: fragment.consents,
    links: validLinks(ties),
    features: featuresOf(fragment, set, ground),
  }
}

/**
 * The part of a fragment as it will be once these records are folded. It keeps the version that the
 * fragment has: it is for one answer, and nobody may hold it as that version.
 * @param pending valid records of the fragment that the fold has not seen, in order
 * @param now no record counts as later than this
 */
export function pendingPart(
  fragment: Fragment,
  ties: Ties | null,
  set: FeatureSet,
  pending: readonly FragmentRecord[],
  now: number,
  ground: Reading,
): Part {
  return {
    id: fragment.identifier,
    version: versionOf(fragment),
    links: validLinks(ties),
    ...profileOf(fragment, set, pending, now, ground),
  }
}

export function versionOf({ sequence, index }: Fragment): Version {
  return { sequence, index }
}

export function validLinks(ties: Ties | null): CopyLink[] {
  if (ties === null) return []
  return [...ties.links].flatMap(([to, { since, state }]) =>
    state === 'valid' ? [{ to, since }] : [],
  )
}
