import type { FragmentId } from '@halfsecond/protocol'
import type { Profile } from '../decision/decide.ts'
import type { FeatureSet } from '../features/feature-set.ts'
import type { IdentityRules } from '../identity/rules.ts'
import type { Copy, CopyLink } from '../identity/ties.ts'
import type { Branch } from './branch.ts'
import { partOf } from './copy.ts'
import type { Gathering, Known } from './gathering.ts'
import type { MergedProfiles } from './merged-profiles.ts'
import type { Part } from './part.ts'

/** Who is in the profile of a root by all that was collected; the root included. */
export function membersOf(
  root: Branch,
  gathering: Gathering,
  rules: IdentityRules,
): ReadonlySet<FragmentId> {
  const { id } = root.own
  if (root.judged === null || !isAsJudged(root, gathering)) return gathering.members(id, rules)
  return new Set([id, ...root.judged])
}

/**
 * The profile of these members.
 * @param better copies to take instead, whose features are known under the playbook that decides
 */
export function profileSeen(
  root: Branch,
  members: ReadonlySet<FragmentId>,
  gathering: Gathering,
  profiles: MergedProfiles,
  better: (copy: Copy) => Copy | undefined,
): Profile {
  const copies: Copy[] = []
  const more: Part[] = []
  const take = ({ id, copy, part, isAhead }: Known) => {
    if (id === root.own.id || !members.has(id)) return
    if (part !== null) more.push(under(part, profiles.set))
    else if (copy !== null && isAhead) more.push(partOf(copy.bytes, profiles.set))
    else if (copy !== null) copies.push(better(copy) ?? copy)
  }
  // Held copies first and in their own order, so that what was merged of them is found again.
  const held = new Set<FragmentId>()
  for (const { id } of root.copies) {
    const known = gathering.get(id)
    if (known) take(known)
    held.add(id)
  }
  for (const known of gathering.all()) if (!held.has(known.id)) take(known)
  return profiles.of(root.own, copies, more)
}

/** A part that was read where another playbook decides yet: what features it has is not known here. */
function under(part: Part, set: FeatureSet): Part {
  return part.features === null || part.features.set === set ? part : { ...part, features: null }
}

/** Copies of members whose features are not known under the playbook that decides. */
export function lackingFeatures(
  members: ReadonlySet<FragmentId>,
  gathering: Gathering,
  set: FeatureSet,
): readonly Known[] {
  return [...gathering.all()].filter(({ id, copy, isAhead }) => {
    if (!members.has(id) || copy === null || isAhead) return false
    return partOf(copy.bytes, set).features === null
  })
}

/** Whether nothing else was collected about who is linked to whom than the root's own fold knows. */
function isAsJudged(root: Branch, gathering: Gathering): boolean {
  if (root.parent !== null || root.isAhead || !gathering.isWhole) return false
  if (gathering.size !== root.copies.length + 1) return false
  return root.copies.every((copy) => {
    const known = gathering.get(copy.id)
    return known !== undefined && (known.copy === copy || isSameLinks(known.links, copy.links))
  })
}

function isSameLinks(one: readonly CopyLink[], other: readonly CopyLink[]): boolean {
  if (one.length !== other.length) return false
  return one.every(({ to, since }) => other.some((link) => link.to === to && link.since === since))
}
