import type { FragmentId } from '@halfsecond/protocol'
import type { Profile } from '../decision/decide.ts'
import type { Ground } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { type BranchGround, branchOf } from './branch.ts'
import { partOf } from './copy.ts'
import { mergeParts } from './merged-profile.ts'
import { ownPart } from './part.ts'

/** A fragment, and where its timeline is. */
export interface Near {
  readonly fragment: Fragment
  readonly facts: Pick<Ground, 'arena' | 'chunks'>
}

/**
 * The profile of a root under any set of features, by what its home knows alone; undefined for who
 * is no root, or not judged yet. Keeps nothing: the fragment's own features stay those that decide.
 * @param near fragments below it whose homes can be read as well: their copies may lack the features
 */
export function rootedProfile(
  fragment: Fragment,
  ground: BranchGround,
  near: (id: FragmentId) => Near | undefined,
): Profile | undefined {
  const { own, parent, judged, copies } = branchOf({ ...fragment }, ground)
  if (parent !== null || judged === null) return undefined
  const parts = copies
    .filter(({ id }) => judged.has(id))
    .map(({ id, bytes }) => {
      const part = partOf(bytes, ground.set)
      const home = part.features === null ? near(id) : undefined
      return home ? ownPart({ ...home.fragment }, ground.set, home.facts) : part
    })
  return mergeParts([own, ...parts], ground.set)
}
