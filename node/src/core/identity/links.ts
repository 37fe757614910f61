import {
  compareFragmentIds,
  type FragmentId,
  identifierIn,
  type LinkRecord,
  namespaceOf,
  type Strength,
  type UnlinkRecord,
} from '@halfsecond/protocol'
import type { Digest } from '../digest.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { registerOf, write } from '../fragment/registers.ts'
import { isLastWord } from './mentions.ts'
import { type IdentityRules, looseRule, type NamespaceRule } from './rules.ts'
import { type Link, linksMax, type Ties } from './ties.ts'
import { tiesOf } from './ties-of.ts'

/** What telling a link did: `kept` wrote down who said it last and changed nothing else. */
export type Linked = 'nothing' | 'kept' | 'changed'

/**
 * A link, or its end, is told at the fragment that is its lower end. The last word by (at', id)
 * counts; a valid link that is told again goes on since it began.
 */
export function tellLink(
  fragment: Fragment,
  record: LinkRecord | UnlinkRecord,
  at: number,
  rules: IdentityRules,
  digest: Digest,
): Linked {
  fragment.links ??= new Map()
  const { to } = record
  if (!isLastWord(fragment, to, at, record.id)) return 'nothing'
  const strength = record.kind === 'link' ? record.strength : undefined
  const next = registerOf(strength, at, record)
  write('links', fragment.identifier, fragment.links, to, next, digest)
  const ties = tiesOf(fragment)
  const present = ties.links.get(to)
  if (strength === undefined) return ties.links.delete(to) ? 'changed' : 'kept'
  if (present?.state === 'valid' && !isStronger(strength, present.strength)) return 'kept'
  const since = present?.state === 'valid' ? present.since : at
  const standing = standingOf(fragment.identifier, to, strength, ties, rules)
  ties.links.set(to, { since, strength, ...standing, isOverLimit: false, under: rules.version })
  return 'changed'
}

function standingOf(
  lower: FragmentId,
  upper: FragmentId,
  strength: Strength,
  { links }: Ties,
  rules: IdentityRules,
): Pick<Link, 'state' | 'reason'> {
  if (!isProven(lower, upper, strength, rules)) return { state: 'unverified', reason: unproven }
  // Links that were refused count: whoever was found to be popular does not begin anew.
  const { popularMax } = ruleFor(lower, rules)
  const others = links.size - (links.has(upper) ? 1 : 0)
  if (others < popularMax) return { state: 'valid', reason: '' }
  return { state: 'refused', reason: `linked to ${others} others: it is no person's` }
}

/** A link that contradicts what is known is written down as refused, so that people find it. */
export function refuseLink(
  fragment: Fragment,
  record: LinkRecord,
  at: number,
  reason: string,
  rules: IdentityRules,
  digest: Digest,
): void {
  const { to, strength } = record
  const ties = tiesOf(fragment)
  if (ties.links.get(to)?.state === 'valid' || ties.links.size >= linksMax) return
  fragment.links ??= new Map()
  if (!isLastWord(fragment, to, at, record.id)) return
  const next = registerOf(strength, at, record)
  write('links', fragment.identifier, fragment.links, to, next, digest)
  const refused = { state: 'refused', reason, isOverLimit: false } as const
  ties.links.set(to, { since: at, strength, ...refused, under: rules.version })
}

/** Whether a link that is told at a device says whose it is: somebody above devices, and proven. */
export function isLogin({ key, to, strength }: LinkRecord, rules: IdentityRules): boolean {
  const above = rules.namespaces.get(namespaceOf(to))?.class
  return (above === 'account' || above === 'contact') && isProven(key, to, strength, rules)
}

/** Whether a link of this strength joins the two. */
function isProven(
  lower: FragmentId,
  upper: FragmentId,
  strength: Strength,
  rules: IdentityRules,
): boolean {
  return strength === 'authenticated' || !(needsProof(lower, rules) || needsProof(upper, rules))
}

const unproven = 'one of its ends joins profiles only where it is proven (strength authenticated)'

function needsProof(id: FragmentId, rules: IdentityRules): boolean {
  return ruleFor(id, rules).verifiedOnly
}

function ruleFor(id: FragmentId, rules: IdentityRules): NamespaceRule {
  return rules.byNamespace.get(namespaceOf(identifierIn(id))) ?? looseRule
}

const strengths: { readonly [strength in Strength]: number } = {
  observed: 0,
  asserted: 1,
  authenticated: 2,
}

function isStronger(one: Strength, than: Strength): boolean {
  return strengths[one] > strengths[than]
}

/** Whether a link would be kept at the right end of the two. */
export function isLower(key: FragmentId, to: FragmentId, rules: IdentityRules): boolean {
  return compareFragmentIds(key, to, rules.namespaces) < 0
}
