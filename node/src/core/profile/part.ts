import type { ChannelRecord, FragmentId } from '@halfsecond/protocol'
import { profileOf } from '../decision/profile.ts'
import { Digest } from '../digest.ts'
import type { FeatureSet } from '../features/feature-set.ts'
import type { FeatureState } from '../features/feature-state.ts'
import {
  effectiveTime,
  type FragmentRecord,
  type Ground,
  isFragmentRecord,
} from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import { featuresOf } from '../fragment/timeline.ts'
import { isLower, tellLink } from '../identity/links.ts'
import type { IdentityRules } from '../identity/rules.ts'
import { type CopyLink, type Link, noTies, type Version } from '../identity/ties.ts'

/** What one fragment brings to a profile: everything but its timeline. */
export interface Part {
  readonly id: FragmentId
  readonly version: Version
  /** Time of its first fact; −1 where it has none. */
  readonly bornAt: number
  readonly traits: Registers<TraitValue> | null
  readonly consents: Registers<boolean> | null
  /** Its valid links to greater fragments. */
  readonly links: readonly CopyLink[]
  /** Null: not known under the playbook that asks. */
  readonly features: FeatureState | null
}

type Reading = Pick<Ground, 'arena' | 'chunks'>

/** The part of a fragment at its home. It shares what the fragment holds: good until the next fold. */
export function ownPart(fragment: Fragment, set: FeatureSet, ground: Reading): Part {
  return {
    id: fragment.identifier,
    version: versionOf(fragment),
    bornAt: fragment.bornAt,
    traits: fragment.traits,
    consents: fragment.consents,
    links: validLinks(fragment),
    features: featuresOf(fragment, set, ground),
  }
}

/**
 * The part of a fragment as it will be once these records are folded, and nothing else: a login that
 * makes a new epoch of a device is told at that epoch. It keeps the version that the fragment has,
 * so it is for one answer, and nobody may hold it as that version.
 * @param pending valid records of the fragment that the fold has not seen, in order
 * @param now no record counts as later than this
 */
export function pendingPart(
  fragment: Fragment,
  set: FeatureSet,
  pending: readonly ChannelRecord[],
  now: number,
  rules: IdentityRules,
  ground: Reading,
): Part {
  const erasedUpTo = fragment.ties?.tomb?.at ?? Number.NEGATIVE_INFINITY
  const facts: FragmentRecord[] = []
  const told = linksApart(fragment)
  for (const record of pending) {
    const at = effectiveTime(record, now)
    if (at <= erasedUpTo) continue
    if (isFragmentRecord(record)) facts.push(record)
    else if (record.kind !== 'erase' && isLower(fragment.identifier, record.to, rules))
      tellLink(told, record, at, rules, new Digest())
  }
  return {
    id: fragment.identifier,
    version: versionOf(fragment),
    bornAt: fragment.bornAt,
    links: validLinks(told),
    ...profileOf(fragment, set, facts, now, ground),
  }
}

/** The fragment with links of its own, so that telling one changes no fact. */
function linksApart(fragment: Fragment): Fragment {
  const ties = fragment.ties ?? noTies()
  return {
    ...fragment,
    links: new Map(fragment.links),
    ties: { ...ties, links: new Map(ties.links) },
  }
}

export function versionOf({ sequence, index }: Fragment): Version {
  return { sequence, index }
}

/** Oldest first, as they are judged. */
export function validLinks(fragment: Fragment): CopyLink[] {
  return linksThat(({ state }) => state === 'valid', fragment)
}

/** Oldest first. */
export function linksOverLimit(fragment: Fragment): CopyLink[] {
  return linksThat(({ isOverLimit }) => isOverLimit, fragment)
}

function linksThat(are: (link: Link) => boolean, { ties }: Fragment): CopyLink[] {
  if (ties === null) return []
  const links: CopyLink[] = []
  for (const [to, link] of ties.links) if (are(link)) links.push({ to, since: link.since })
  return links.sort((a, b) => a.since - b.since)
}
