import type { FragmentId } from '@halfsecond/protocol'
import type { Profile } from '../decision/decide.ts'
import type { FeatureSet } from '../features/feature-set.ts'
import type { Branch } from '../profile/branch.ts'
import { partOf } from '../profile/copy.ts'
import { mergeParts } from '../profile/merged-profile.ts'

/** Who is in the profile of a root, itself included; undefined: it is no root. */
export function membersOfRoot({
  own,
  parent,
  judged,
}: Branch): ReadonlySet<FragmentId> | undefined {
  if (parent !== null || judged === null) return undefined
  return new Set([own.id, ...judged])
}

/** The profile of a root by what was handed up to it, merged for this once. */
export function profileOfRoot(
  { own, copies }: Branch,
  members: ReadonlySet<FragmentId>,
  set: FeatureSet,
): Profile {
  const parts = copies.filter(({ id }) => members.has(id)).map(({ bytes }) => partOf(bytes, set))
  return mergeParts([own, ...parts], set)
}

/** Whether anything is known of anybody in it. */
export function isSomebody({ own, copies }: Branch, members: ReadonlySet<FragmentId>): boolean {
  return own.bornAt >= 0 || copies.some(({ id }) => members.has(id))
}
