import { type FragmentId, isFragmentId } from '@halfsecond/protocol'
import type { Fragment } from '../fragment/fragment.ts'
import { forgetOne, type Word, wins } from '../fragment/registers.ts'
import { keepNewest } from '../keep-newest.ts'
import type { EraseGround } from './erase.ts'
import type { IdentityGround } from './identity-ground.ts'
import { nameHash } from './name-hash.ts'
import { linksMax, type Ties } from './ties.ts'

/*
 * A link that joins nobody (refused, not proven, taken back) is kept at its lower end, for people to
 * look at and so that older words about it do not win. An erase of its upper end spreads over valid
 * links only; so whoever keeps such a link says so at the upper end, and the erase asks it to forget
 * the name.
 */

/** From these rules of folding on, whoever is mentioned hears of it. */
const mentioningSince = 4

/** Tells those who are mentioned and do not know it, and those who are not any more. */
export function tellMentions(
  { identifier: from, links }: Fragment,
  ties: Ties,
  ground: IdentityGround,
): void {
  if (ground.foldVersion < mentioningSince) return
  for (const to of ties.mentions ?? []) {
    if (links?.has(to)) continue
    ties.mentions?.delete(to)
    ground.send({ kind: 'mention', from, to, at: null })
  }
  for (const [to, { at }] of links ?? []) {
    if (!isFragmentId(to) || !isUntold(to, ties)) continue
    ties.mentions ??= new Set()
    ties.mentions.add(to)
    ground.send({ kind: 'mention', from, to, at })
  }
}

/** Whether a link of the fragment mentions somebody who has not been told. */
export function hasUntold(
  { ties }: Fragment,
  to: FragmentId,
  { foldVersion }: IdentityGround,
): boolean {
  return foldVersion >= mentioningSince && ties !== null && isUntold(to, ties)
}

/** Once told it stays told, though the link may hold in between. */
function isUntold(to: FragmentId, { links, mentions }: Ties): boolean {
  return links.get(to)?.state !== 'valid' && mentions?.has(to) !== true
}

/**
 * Forgets the name of somebody who was erased, where nothing was said of a link to them after `at`:
 * one that holds is younger, or the erase would have taken the fragment itself. What remains is the
 * last word's time under a hash: what is older stays overtaken.
 * @returns whether anything changed
 */
export function forgetMention(
  fragment: Fragment,
  ties: Ties,
  name: FragmentId,
  at: number,
  { facts, foldVersion }: EraseGround,
): boolean {
  const { identifier, links } = fragment
  const last = links?.get(name)
  if (foldVersion < mentioningSince || !links || !last || last.at > at) return false
  forgetOne('links', identifier, links, name, facts.digest)
  if (links.size === 0) fragment.links = null
  ties.links.delete(name)
  ties.forgotten ??= new Map()
  ties.forgotten.set(nameHash(name), { at: last.at, id: last.id })
  keepNewest(ties.forgotten, linksMax)
  return true
}

/** Whether this word about a link to `to` is the last one, also where the name was forgotten. */
export function isLastWord(
  { links, ties }: Fragment,
  to: FragmentId,
  at: number,
  id: string,
): boolean {
  return wins(links?.get(to) ?? forgottenWord(ties, to), at, id)
}

function forgottenWord(ties: Ties | null, to: FragmentId): Word | undefined {
  return ties?.forgotten?.get(nameHash(to))
}
