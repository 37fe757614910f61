import {
  type ChannelRecord,
  fnv1a32,
  type GrantRecord,
  type OutcomeRecord,
  ulidTime,
} from '@halfsecond/protocol'
import type { Digest } from '../digest.ts'
import type { Arena } from './arena.ts'
import { compareIds, identityOf, type TimelineRecord } from './entry.ts'
import type { Fragment } from './fragment.ts'
import { type Registers, registerOf, type TraitValue, traitAfter, write } from './registers.ts'
import { isShowing, propositionOf, type Shown, showing } from './said.ts'
import { type ChunkRows, SealedTimeline } from './sealed-timeline.ts'

/** What a fold writes besides the fragment itself. One per shard. */
export interface Ground {
  readonly arena: Arena
  readonly chunks: ChunkRows
  readonly digest: Digest
}

/** Where a record stands in the log, and its bytes there. */
export interface Logged {
  readonly sequence: number
  readonly index: number
  /** When the log took it; no record counts as later than this. */
  readonly timestamp: number
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** A channel's clock may run this far behind the one that minted a decision id. */
const clockSlackMs = 60 * 60_000

/**
 * Folds one valid record into its fragment, in place. Synchronous, total and deterministic: the
 * same records in the same order give the same fragment, digest and sealed chunks everywhere.
 * @returns false if the record changed nothing: seen before, or overtaken by a later write
 */
export function evolve(
  fragment: Fragment,
  record: FragmentRecord | GrantRecord,
  logged: Logged,
  ground: Ground,
): boolean {
  const at = effectiveTime(record, logged.timestamp)
  const changed = fold(fragment, record, at, logged, ground)
  if (changed) {
    if (fragment.bornAt < 0 || at < fragment.bornAt) fragment.bornAt = at
    fragment.sequence = logged.sequence
    fragment.index = logged.index
  }
  return changed
}

/** Records that change nothing but their fragment's own facts. */
export type FragmentRecord = Exclude<ChannelRecord, { kind: 'link' | 'unlink' | 'erase' }>

/** Links and erases say who somebody is, not what is known of them. */
export function isFragmentRecord(record: ChannelRecord): record is FragmentRecord {
  return record.kind !== 'link' && record.kind !== 'unlink' && record.kind !== 'erase'
}

/** The time that counts for a record: its own, but never later than the log's. */
export function effectiveTime(record: ChannelRecord | GrantRecord, timestamp: number): number {
  return Math.min(record.at, timestamp)
}

function fold(
  fragment: Fragment,
  record: FragmentRecord | GrantRecord,
  at: number,
  logged: Logged,
  ground: Ground,
): boolean {
  const { identifier } = fragment
  switch (record.kind) {
    case 'event':
    case 'outcome':
    case 'logout':
    case 'grant':
      return insert(fragment, at, record, logged, ground)
    case 'traits': {
      const traits: Registers<TraitValue> = fragment.traits ?? new Map()
      let changed = false
      for (const name in record.set) {
        const value = record.set[name] ?? undefined
        const next = traitAfter(traits.get(name), name, registerOf(value, at, record))
        changed = write('traits', identifier, traits, name, next, ground.digest) || changed
      }
      for (const name of record.unset) {
        const next = traitAfter(
          traits.get(name),
          name,
          registerOf<TraitValue>(undefined, at, record),
        )
        changed = write('traits', identifier, traits, name, next, ground.digest) || changed
      }
      if (changed) fragment.traits = traits
      return changed
    }
    case 'consent':
      fragment.consents ??= new Map()
      return write(
        'consents',
        identifier,
        fragment.consents,
        record.purpose,
        registerOf(record.granted, at, record),
        ground.digest,
      )
  }
}

function insert(
  fragment: Fragment,
  at: number,
  record: TimelineRecord,
  logged: Logged,
  ground: Ground,
): boolean {
  const { identifier, open } = fragment
  const identity = identityOf(record)
  const hash = fnv1a32(identity)
  if (isKnownBy(hash, fragment, record, identity, at, ground)) return false
  const size = logged.end - logged.start
  while (!open.fits(size)) {
    fragment.sealed ??= new SealedTimeline()
    const oldest = Math.max(1, open.count >> 1)
    fragment.sealed.seal(identifier, open.removeOldest(ground.arena, oldest), ground.chunks)
  }
  open.insert(
    ground.arena,
    at,
    hash,
    identity,
    logged.bytes,
    logged.start,
    logged.end,
    ground.digest,
  )
  if (record.at - at > fragment.lead) fragment.lead = record.at - at
  const { features } = fragment
  if (features !== null) {
    const shown = record.kind === 'outcome' ? shownBy(fragment, record, at, ground) : 'again'
    const isExact = features.update(at, record, shown === 'first')
    if (!isExact || shown === 'earlier') fragment.features = null
  }
  return true
}

/** Whether the timeline has this record already, whenever and wherever it was sent first. */
export function isKnown(
  fragment: Fragment,
  record: TimelineRecord,
  identity: string,
  at: number,
  ground: Pick<Ground, 'arena' | 'chunks'>,
): boolean {
  return isKnownBy(fnv1a32(identity), fragment, record, identity, at, ground)
}

function isKnownBy(
  hash: number,
  fragment: Fragment,
  record: TimelineRecord,
  identity: string,
  at: number,
  ground: Pick<Ground, 'arena' | 'chunks'>,
): boolean {
  return timeOf(hash, fragment, record, identity, at, ground) !== undefined
}

function timeOf(
  hash: number,
  fragment: Fragment,
  record: TimelineRecord,
  identity: string,
  at: number,
  ground: Pick<Ground, 'arena' | 'chunks'>,
): number | undefined {
  const open = fragment.open.timeOf(ground.arena, hash, identity)
  if (open !== undefined || fragment.sealed === null) return open
  const from = 'decision' in record ? outcomeFrom(record, at) : at - fragment.lead
  return fragment.sealed.timeOf(fragment.identifier, hash, identity, from, ground.chunks)
}

/**
 * Whether an outcome is the first that shows its proposition; `earlier` if it is, though the
 * timeline has a later one, which counted as the display until now; `again` if it is not.
 */
export function shownBy(
  fragment: Fragment,
  record: OutcomeRecord,
  at: number,
  ground: Pick<Ground, 'arena' | 'chunks'>,
): 'first' | 'earlier' | 'again' {
  if (!isShowing(record)) return 'again'
  const proposition = propositionOf(record)
  let shown: 'first' | 'earlier' = 'first'
  for (const said of showing) {
    if (said === record.outcome) continue
    const identity = `${proposition}|${said}`
    const other = timeOf(fnv1a32(identity), fragment, record, identity, at, ground)
    if (other === undefined) continue
    if (other < at || (other === at && compareIds(identity, identityOf(record)) < 0)) return 'again'
    shown = 'earlier'
  }
  return shown
}

/** Nothing of a decision can have been reported before it was made. */
function outcomeFrom({ decision }: Shown, at: number): number {
  const decidedAt = ulidTime(decision)
  return decidedAt === undefined ? 0 : Math.min(at, decidedAt - clockSlackMs)
}
