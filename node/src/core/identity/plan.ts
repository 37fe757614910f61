import { type FragmentId, fragmentName, isFields, isFragmentId } from '@halfsecond/protocol'
import type { Fragment } from '../fragment/fragment.ts'
import { type JudgedLink, judge } from './judge.ts'
import { answerKey, linksBelow } from './judge-profile.ts'
import type { IdentityRules } from './rules.ts'

/** Members, parts and links named of one profile: who wants all of them looks at the profile. */
const namedMax = 20

/** What other rules would make of one profile. Identifiers as people read them. */
export interface ProfileChange {
  /** Its root, before and after. */
  readonly profile: string
  readonly members: number
  /** Who stays with the root, itself included. */
  readonly stays: ProfilePart
  /** How many parts become profiles of their own, and the first of them. */
  readonly leaving: number
  readonly leaves: readonly ProfilePart[]
  /** How many links would be refused, and the first of them. */
  readonly refusing: number
  readonly refused: readonly RefusedLink[]
}

/** So many members, the first of them by name. */
export interface ProfilePart {
  readonly members: number
  readonly named: readonly string[]
}

export interface RefusedLink {
  readonly lower: string
  readonly upper: string
  readonly since: number
  readonly reason: string
}

/**
 * What these rules make of the profile of a root, when it is judged by them; undefined where
 * nothing, and for fragments that are no root. Links that were refused before stay refused, so
 * rules only ever split here.
 */
export function changeOf(fragment: Fragment, rules: IdentityRules): ProfileChange | undefined {
  const { ties, identifier: root } = fragment
  if (ties === null || ties.below.size === 0 || hasGreater(fragment)) return undefined
  const valid = linksBelow(ties).links.filter(
    (link) => ties.answered?.has(answerKey(link)) !== true,
  )
  const { members, leftOut } = judge(root, valid, rules)
  if (leftOut.length === 0) return undefined
  const refused = new Set(leftOut.map(({ link }) => link))
  const kept = valid.filter((link) => !refused.has(link))
  const all = new Set([root, ...valid.flatMap(({ lower, upper }) => [lower, upper])])
  const leaves = partsOf(
    [...all].filter((id) => !members.has(id)),
    kept,
  )
  return {
    profile: fragmentName(root),
    members: all.size,
    stays: partIn(members),
    leaving: leaves.length,
    leaves: leaves.slice(0, namedMax).map(partIn),
    refusing: leftOut.length,
    refused: leftOut.slice(0, namedMax).map(({ link: { lower, upper, since }, reason }) => ({
      lower: fragmentName(lower),
      upper: fragmentName(upper),
      since,
      reason,
    })),
  }
}

/** Whether somebody greater holds its profile. */
function hasGreater({ ties, identifier }: Fragment): boolean {
  if (ties === null) return false
  for (const { state } of ties.links.values()) if (state === 'valid') return true
  for (const { since, also } of ties.below.values())
    if (since !== null && also !== null && also !== identifier) return true
  return false
}

/** Fragments by the profiles that the links make of them. */
function partsOf(
  ids: readonly FragmentId[],
  links: readonly JudgedLink[],
): readonly ReadonlySet<FragmentId>[] {
  const linked = new Map<FragmentId, FragmentId[]>(ids.map((id) => [id, []]))
  for (const { lower, upper } of links) {
    linked.get(lower)?.push(upper)
    linked.get(upper)?.push(lower)
  }
  const parts: ReadonlySet<FragmentId>[] = []
  const placed = new Set<FragmentId>()
  for (const id of ids) {
    if (placed.has(id)) continue
    const part = new Set([id])
    for (const one of part) for (const other of linked.get(one) ?? []) part.add(other)
    for (const one of part) placed.add(one)
    parts.push(part)
  }
  return parts
}

function partIn(ids: ReadonlySet<FragmentId>): ProfilePart {
  return { members: ids.size, named: Array.from(ids, fragmentName).sort().slice(0, namedMax) }
}

/** A link that joins now and was told under a newer configuration than some version. */
export interface LinkUnder {
  readonly lower: FragmentId
  readonly upper: FragmentId
  readonly since: number
  /** The configuration that it was told under. */
  readonly under: number
  /** When it was last told. */
  readonly at: number
}

export function linksUnder({ ties, links, identifier }: Fragment, version: number): LinkUnder[] {
  return Array.from(ties?.links ?? []).flatMap(([upper, { since, state, under }]) =>
    under > version && state !== 'refused'
      ? [{ lower: identifier, upper, since, under, at: links?.get(upper)?.at ?? since }]
      : [],
  )
}

export function isLinkUnder(value: unknown): value is LinkUnder {
  return (
    isFields(value) &&
    isFragmentId(value.lower) &&
    isFragmentId(value.upper) &&
    typeof value.since === 'number' &&
    typeof value.under === 'number' &&
    typeof value.at === 'number'
  )
}
