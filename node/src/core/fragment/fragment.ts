import type { FragmentId, Strength } from '@halfsecond/protocol'
import type { FeatureState } from '../features/feature-state.ts'
import type { Device } from '../identity/device.ts'
import { areBlank, isUntied, sizeOf, type Ties } from '../identity/ties.ts'
import type { Arena } from './arena.ts'
import { OpenChunk } from './open-chunk.ts'
import type { Registers, TraitValue } from './registers.ts'
import type { SealedTimeline } from './sealed-timeline.ts'

/**
 * The facts that one identifier brought, and what was derived from them. Written by the fold of
 * the identifier's home shard only. Members that most fragments lack are null, not empty.
 */
export interface Fragment {
  /** Of a device's later epoch: with its number. */
  readonly identifier: FragmentId
  /** Version: sequence of the batch that changed it last, and the record's place in that batch. */
  sequence: number
  index: number
  /**
   * Most milliseconds that a sender's clock was ahead of the log's: an entry may stand so much
   * earlier than a resend of it would.
   */
  lead: number
  /** Time of its first fact, by the facts' own times; −1 where it has none. */
  bornAt: number
  /** The newest entries of the timeline; older ones are sealed. */
  readonly open: OpenChunk
  sealed: SealedTimeline | null
  traits: Registers<TraitValue> | null
  /** Who said last that it is linked to another, or that it is not; what follows is in `ties`. */
  links: Registers<Strength> | null
  /** By purpose. */
  consents: Registers<boolean> | null
  /** Null until a decision needs them, or when they must be computed again. */
  features: FeatureState | null
  /** How it is tied to others. */
  ties: Ties | null
  /** Of a device's first epoch, where there are more. */
  device: Device | null
  /** As a root: the segments that its profile is in, as other systems were told. */
  segments: ReadonlySet<string> | null
}

export function initialFragment(identifier: FragmentId): Fragment {
  return {
    identifier,
    sequence: 0,
    index: 0,
    lead: 0,
    bornAt: -1,
    open: new OpenChunk(),
    sealed: null,
    traits: null,
    links: null,
    consents: null,
    features: null,
    ties: null,
    device: null,
    segments: null,
  }
}

/** Whether the fragment holds any fact at all. */
export function isEmpty(fragment: Fragment): boolean {
  const { open, sealed, traits, links, consents } = fragment
  return (
    open.count === 0 && sealed === null && traits === null && links === null && consents === null
  )
}

/** Whether nothing is lost where the fragment is forgotten. */
export function holdsNothing(fragment: Fragment): boolean {
  return isUnknown(fragment) && (fragment.ties === null || areBlank(fragment.ties))
}

/** Whether nothing is known of it. Others may still mention it. */
export function isUnknown(fragment: Fragment): boolean {
  const { ties, device, segments } = fragment
  const isTold = segments !== null
  return device === null && !isTold && (ties === null || isUntied(ties)) && isEmpty(fragment)
}

/** Rough size in memory: what the byte budget of actors counts. */
export function heldBytes(fragment: Fragment): number {
  return (
    400 +
    fragment.open.heldBytes +
    (fragment.sealed === null ? 0 : 700) +
    registersBytes(fragment.traits) +
    registersBytes(fragment.links) +
    registersBytes(fragment.consents) +
    (fragment.features?.heldBytes ?? 0) +
    (fragment.ties === null ? 0 : tiesBytes(fragment.ties)) +
    (fragment.device === null ? 0 : 200 + 100 * fragment.device.epochs.length) +
    (fragment.segments === null ? 0 : 200 + 50 * fragment.segments.size)
  )
}

function tiesBytes(ties: Ties): number {
  const { links, below, told, mentions, mentionedBy, forgotten } = ties
  const named = sizeOf(mentions) + sizeOf(mentionedBy) + sizeOf(forgotten)
  let bytes = 600 + 300 * links.size + 150 * named
  for (const { copies } of below.values()) {
    bytes += 300
    for (const copy of copies.values()) bytes += 400 + copy.bytes.length
  }
  for (const { copies } of told.values()) bytes += 300 + 150 * copies.size
  return bytes
}

function registersBytes(registers: Registers<unknown> | null): number {
  return registers === null ? 0 : 200 + registers.size * 300
}

/** Gives the fragment's memory back. It must not be used afterwards. */
export function release(fragment: Fragment, arena: Arena): void {
  fragment.open.release(arena)
}
