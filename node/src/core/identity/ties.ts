import type { FragmentId, Strength } from '@halfsecond/protocol'
import type { Word } from '../fragment/registers.ts'

/** A fragment's version: where in its home's log it changed last. */
export interface Version {
  readonly sequence: number
  readonly index: number
}

/** Own links of one fragment. A person has a handful; a program that links everything is stopped. */
export const linksMax = 1_024

/** A link of a fragment to a greater one. */
export interface Link {
  /** Start of its unbroken validity, in milliseconds since 1970. */
  readonly since: number
  readonly strength: Strength
  /** `unverified`: one of its ends joins nobody unless it is proven. */
  readonly state: 'valid' | 'refused' | 'unverified'
  /** Why it was refused; else empty. */
  readonly reason: string
  /** It was refused by a limit: it holds again where it turns out to lie within one profile. */
  readonly isOverLimit: boolean
  /** Version of the identity configuration that it was told under. */
  readonly under: number
}

/** A fragment as it was handed up: without its timeline. */
export interface Copy {
  readonly id: FragmentId
  readonly version: Version
  /** Its valid links. */
  readonly links: readonly CopyLink[]
  /** Its links that are over a limit. */
  readonly overLimit: readonly CopyLink[]
  /**
   * Of a device: the last time at which its name means this epoch; null: no end is known. Absent
   * where whoever made the copy could not tell.
   */
  readonly meantUntil?: number | null
  /** The whole copy, encoded. */
  readonly bytes: Uint8Array
}

export interface CopyLink {
  readonly to: FragmentId
  readonly since: number
}

/** What a lower fragment told last. */
export interface Below {
  /** Null: it is linked no more, and its copies are on their way out. */
  since: number | null
  also: FragmentId | null
  readonly copies: Map<FragmentId, Copy>
}

/** What a greater fragment was told last. */
export interface Told {
  since: number
  also: FragmentId | null
  readonly copies: Map<FragmentId, Version>
}

/** One erase that reached a fragment. */
export interface Erasure {
  /** Links that are younger do not spread it. */
  readonly at: number
  /** Who is told when all it spread to is erased; null at the origin, and once told. */
  back: FragmentId | null
  /** Those that have not answered yet. */
  readonly wait: Set<FragmentId>
  /** Hashes of all that it was spread to. */
  readonly told: Set<string>
  /** When all had answered; 0 before. */
  doneAt: number
}

/** The mark that an erase leaves: nothing from before it comes back. */
export interface Tomb {
  /** Facts up to this time are refused. */
  at: number
  readonly erasures: Map<string, Erasure>
}

/**
 * How a fragment is tied to others, at its home. Most have no ties; members that most of those lack
 * that have some are null, not empty.
 * Terms and protocol are those of `protocol/spec.md`, "Recognition".
 */
export interface Ties {
  readonly links: Map<FragmentId, Link>
  readonly below: Map<FragmentId, Below>
  readonly told: Map<FragmentId, Told>
  tomb: Tomb | null
  /** Those who were told that a link to them is kept here, valid or not. */
  mentions: Set<FragmentId> | null
  /** Those who told that they keep a link to this one, valid or not. */
  mentionedBy: Set<FragmentId> | null
  /** By the hash of a name that an erase took from here: the last word about a link to it. At most `linksMax`. */
  forgotten: Map<string, Word> | null
  /** Links that were refused or reinstated as a root, `lower upper since`: each is told once. */
  answered: Set<string> | null
  /**
   * It was linked to more than belong to any person: so long as its rules stay, it joins nobody, or
   * the next ones would be joined until they are too many again.
   */
  isPopular: boolean
  /** As a root: who is in the profile besides itself, for telling what changes. */
  members: ReadonlySet<FragmentId>
}

/** Members of a profile that has none besides its root. */
export const nobody: ReadonlySet<FragmentId> = new Set()

export function noTies(): Ties {
  return {
    links: new Map(),
    below: new Map(),
    told: new Map(),
    tomb: null,
    mentions: null,
    mentionedBy: null,
    forgotten: null,
    answered: null,
    isPopular: false,
    members: nobody,
  }
}

/** Whether it is tied to nobody. Who mentions it, and whose names it forgot, is nothing about it. */
export function isUntied(ties: Ties): boolean {
  const { links, below, told, tomb, answered, isPopular, members, mentions } = ties
  const ofOthers = links.size + below.size + told.size + members.size
  return ofOthers + sizeOf(mentions) + sizeOf(answered) === 0 && tomb === null && !isPopular
}

/** Whether nothing is lost where they are forgotten. */
export function areBlank(ties: Ties): boolean {
  return isUntied(ties) && sizeOf(ties.mentionedBy) + sizeOf(ties.forgotten) === 0
}

/** Of what is null where it is empty. */
export function sizeOf(some: { readonly size: number } | null): number {
  return some === null ? 0 : some.size
}

export function isNewer(one: Version, than: Version): boolean {
  return one.sequence > than.sequence || (one.sequence === than.sequence && one.index > than.index)
}

export function isSame(one: Version, other: Version): boolean {
  return one.sequence === other.sequence && one.index === other.index
}
