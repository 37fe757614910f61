import type {
  EdgeRecord,
  MentionRecord,
  OutboxRecord,
  RefuseRecord,
  ReinstateRecord,
  SpreadRecord,
} from '@halfsecond/protocol'
import type { Fragment } from '../fragment/fragment.ts'
import { type EraseGround, erase, erased, spreadTo } from './erase.ts'
import { reinstatingSince } from './judge-profile.ts'
import type { Below, Copy, Ties } from './ties.ts'
import { tiesOf } from './ties-of.ts'

/** Edges from below that one fragment keeps, and as many mentions: more belong to no person. */
export const belowMax = 16_384

/**
 * What another fragment's home tells the fragment `record.to`. The receiver knows by the records'
 * numbers that it hears each once and in order.
 * @param copy what the record's fragment says of itself, where it is a copy
 * @returns whether anything changed
 */
export function receive(
  fragment: Fragment,
  record: OutboxRecord,
  copy: Copy | undefined,
  timestamp: number,
  ground: EraseGround,
): boolean {
  const ties = tiesOf(fragment)
  switch (record.kind) {
    case 'edge':
      return takeEdge(fragment, ties, record, ground)
    case 'copy':
      if (copy === undefined) return false
      return takeCopy(ties, record.from, copy)
    case 'gone':
      return loseCopy(ties, record)
    case 'refuse':
      return takeRefusal(ties, record, ground)
    case 'reinstate':
      return takeReinstatement(ties, record)
    case 'mention':
      return takeMention(fragment, ties, record, ground)
    case 'erase':
      return takeErase(fragment, record, timestamp, ground)
    case 'erased':
      return erased(fragment, ties, record.eraseId, record.from, timestamp, ground)
  }
}

function takeEdge(
  fragment: Fragment,
  ties: Ties,
  { from, since, also }: EdgeRecord,
  ground: EraseGround,
): boolean {
  const known = ties.below.get(from)
  if (known === undefined && since === null) return false
  if (known === undefined && ties.below.size >= belowMax) return false
  const below = known ?? newBelow(ties, from)
  below.since = since
  below.also = since === null ? null : also
  dropIfOver(ties, from, below)
  if (since !== null) spreadTo(fragment, ties, from, since, ground)
  return true
}

function newBelow(ties: Ties, from: EdgeRecord['from']): Below {
  const below: Below = { since: null, also: null, copies: new Map() }
  ties.below.set(from, below)
  return below
}

function takeCopy(ties: Ties, from: EdgeRecord['from'], copy: Copy): boolean {
  const below = ties.below.get(from) ?? newBelow(ties, from)
  below.copies.set(copy.id, copy)
  return true
}

function loseCopy(
  ties: Ties,
  { from, id }: { readonly from: EdgeRecord['from']; readonly id: EdgeRecord['from'] },
): boolean {
  const below = ties.below.get(from)
  if (below === undefined || !below.copies.delete(id)) return false
  dropIfOver(ties, from, below)
  return true
}

function dropIfOver(ties: Ties, from: EdgeRecord['from'], below: Below): void {
  if (below.since === null && below.copies.size === 0) ties.below.delete(from)
}

/** Final until the link is told again, or, where a limit refused it, reinstated. */
function takeRefusal(
  ties: Ties,
  { upper, since, reason, isOverLimit }: RefuseRecord,
  { foldVersion }: EraseGround,
): boolean {
  const link = ties.links.get(upper)
  if (link === undefined || link.state !== 'valid' || link.since !== since) return false
  const isOver = isOverLimit === true && foldVersion >= reinstatingSince
  ties.links.set(upper, { ...link, state: 'refused', reason, isOverLimit: isOver })
  return true
}

function takeReinstatement(ties: Ties, { upper, since }: ReinstateRecord): boolean {
  const link = ties.links.get(upper)
  if (link === undefined || !link.isOverLimit || link.since !== since) return false
  ties.links.set(upper, { ...link, state: 'valid', reason: '', isOverLimit: false })
  return true
}

/** Somebody whose erase has been here is erased there too, as far as it is mentioned. */
function takeMention(
  fragment: Fragment,
  ties: Ties,
  { from, at }: MentionRecord,
  ground: EraseGround,
): boolean {
  if (at === null) return ties.mentionedBy?.delete(from) === true
  ties.mentionedBy ??= new Set()
  if (ties.mentionedBy.size >= belowMax) return false
  ties.mentionedBy.add(from)
  spreadTo(fragment, ties, from, at, ground)
  return true
}

function takeErase(
  fragment: Fragment,
  { eraseId, at, from, check }: SpreadRecord,
  timestamp: number,
  ground: EraseGround,
): boolean {
  return erase(fragment, { eraseId, at, back: from, check, timestamp }, ground)
}
