import { compareFragmentIds, type FragmentId, type Namespaces } from '@halfsecond/protocol'
import type { Fragment } from '../fragment/fragment.ts'
import { copiesBelow } from './copies-below.ts'
import type { IdentityGround } from './identity-ground.ts'
import { judgeProfile } from './judge-profile.ts'
import { tellMentions } from './mentions.ts'
import { isSame, nobody, type Ties, type Told, type Version } from './ties.ts'

/**
 * Derives what others must hear from what a fragment's home knows, and sends what differs from
 * what they were told. Links and copies move only upwards in the static order; whoever is the
 * greatest of all that are connected ends up with everything, and judges it.
 *
 * R1 after it, `told` is exactly what follows from `links`, `below` and the fragment's version.
 * R2 a copy is handed to the greatest only; whoever is not that any more is told `gone` first.
 * @param isStructural whether links, edges or copies changed, not only the fragment's own facts
 */
export function revise(fragment: Fragment, isStructural: boolean, ground: IdentityGround): void {
  const { ties } = fragment
  if (ties === null) return
  const id = fragment.identifier
  if (isStructural) tellMentions(fragment, ties, ground)
  const up = upOf(ties, id)
  const parent = greatestOf(up.keys(), ground.rules.namespaces)
  takeBack(id, ties, up, parent, ground)
  for (const [to, since] of up) tellEdge(id, ties, to, since, to === parent ? null : parent, ground)
  if (parent === null) {
    if (isStructural) judgeProfile(fragment, ties, ground)
    return
  }
  handUp(fragment, ties, parent, ground)
  leaveRoot(id, ties, parent, ground)
  // Of the greater profile that one's root tells.
  fragment.segments = null
}

/** Whether nobody greater is connected to the fragment, as far as its home knows. */
export function isRoot({ identifier, ties }: Fragment): boolean {
  return ties === null || upOf(ties, identifier).size === 0
}

/** Everybody that the fragment is linked to, directly or by way of one below, and since when. */
function upOf(ties: Ties, id: FragmentId): Map<FragmentId, number> {
  const up = new Map<FragmentId, number>()
  for (const [to, { since, state }] of ties.links) if (state === 'valid') up.set(to, since)
  for (const { since, also } of ties.below.values()) {
    if (since === null || also === null || also === id) continue
    up.set(also, Math.min(since, up.get(also) ?? since))
  }
  return up
}

function greatestOf(ids: Iterable<FragmentId>, namespaces: Namespaces): FragmentId | null {
  let best: FragmentId | null = null
  for (const id of ids) if (best === null || compareFragmentIds(id, best, namespaces) > 0) best = id
  return best
}

/** Copies from whoever is not the parent any more, and the edge of whoever left. */
function takeBack(
  id: FragmentId,
  ties: Ties,
  up: ReadonlyMap<FragmentId, number>,
  parent: FragmentId | null,
  ground: IdentityGround,
): void {
  for (const [to, told] of ties.told) {
    if (to === parent) continue
    for (const copy of told.copies.keys()) ground.send({ kind: 'gone', from: id, to, id: copy })
    told.copies.clear()
    if (up.has(to)) continue
    ground.send({ kind: 'edge', from: id, to, since: null, also: null })
    ties.told.delete(to)
  }
}

function tellEdge(
  id: FragmentId,
  ties: Ties,
  to: FragmentId,
  since: number,
  also: FragmentId | null,
  ground: IdentityGround,
): void {
  const told = ties.told.get(to)
  if (told && told.since === since && told.also === also) return
  ground.send({ kind: 'edge', from: id, to, since, also })
  if (told) {
    told.since = since
    told.also = also
  } else {
    ties.told.set(to, { since, also, copies: new Map() })
  }
}

/** The branch of a fragment: itself and every copy from below, the newest of each. */
function branchOf(fragment: Fragment, ties: Ties): Map<FragmentId, Version> {
  const branch = new Map<FragmentId, Version>()
  if (hasContent(fragment, ties)) branch.set(fragment.identifier, versionOf(fragment))
  for (const [id, { version }] of copiesBelow(ties)) branch.set(id, version)
  return branch
}

/** Whether a copy of it would say anything. */
function hasContent({ open, sealed, traits, consents }: Fragment, { links }: Ties): boolean {
  if (open.count > 0 || sealed !== null || traits !== null || consents !== null) return true
  for (const { state, isOverLimit } of links.values())
    if (state === 'valid' || isOverLimit) return true
  return false
}

function versionOf({ sequence, index }: Fragment): Version {
  return { sequence, index }
}

function handUp(fragment: Fragment, ties: Ties, parent: FragmentId, ground: IdentityGround): void {
  const told = ties.told.get(parent)
  if (told === undefined) return
  const from = fragment.identifier
  const branch = branchOf(fragment, ties)
  for (const id of told.copies.keys()) {
    if (branch.has(id)) continue
    ground.send({ kind: 'gone', from, to: parent, id })
    told.copies.delete(id)
  }
  for (const [id, version] of branch) handOne(told, from, parent, id, version, ground)
}

function handOne(
  told: Told,
  from: FragmentId,
  to: FragmentId,
  id: FragmentId,
  version: Version,
  ground: IdentityGround,
): void {
  const before = told.copies.get(id)
  if (before !== undefined && isSame(before, version)) return
  ground.send({ kind: 'copy', from, to, id })
  told.copies.set(id, version)
}

/** The active rules changed: the root judges its profile by them. */
export function rejudge(fragment: Fragment, ground: IdentityGround): void {
  if (fragment.ties) fragment.ties.isPopular = false
  revise(fragment, true, ground)
}

/** It is part of a greater profile now: that one's root judges, and tells. */
function leaveRoot(id: FragmentId, ties: Ties, parent: FragmentId, ground: IdentityGround): void {
  ties.answered = null
  if (ties.members.size === 0) return
  ground.tell({ kind: 'reassigned', root: id, members: [...ties.members], to: parent })
  ties.members = nobody
}
