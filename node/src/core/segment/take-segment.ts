import type { SegmentRecord } from '@halfsecond/protocol'
import type { Fragment } from '../fragment/fragment.ts'
import { membersMax, type Signal } from '../shard/signal.ts'

/**
 * Folds that the profile of a root is in a segment now, or no longer. The record was made from facts
 * of a moment before, so it may be late: nothing is told twice, nor of a fragment that is no root
 * any more, nor of one that was erased meanwhile.
 *
 * S1 of one root and segment `entered` and `left` are told in turn.
 * @param timestamp when the log took the record
 * @returns what other systems hear of it; undefined where nothing changed
 */
export function takeSegment(
  fragment: Fragment,
  { segment, isIn, at, seen, playbook, decisions }: SegmentRecord,
  timestamp: number,
): readonly Signal[] | undefined {
  const before = fragment.segments
  if (isIn === (before?.has(segment) ?? false)) return undefined
  if (!isRoot(fragment) || isErasedSince(fragment, seen)) return undefined
  const after = new Set(before)
  if (isIn) after.add(segment)
  else after.delete(segment)
  fragment.segments = after.size === 0 ? null : after
  const signal = {
    kind: 'signal',
    root: fragment.identifier,
    members: [...(fragment.ties?.members ?? [])].slice(0, membersMax),
    segment,
    playbook,
    at: Math.min(at, timestamp),
  } as const
  const told: Signal[] = [{ ...signal, signal: isIn ? 'entered' : 'left' }]
  for (const { decision, placement, offer, treatment, content, token } of isIn ? decisions : [])
    told.push({
      ...signal,
      signal: 'decision',
      decision,
      placement,
      offer,
      treatment,
      content,
      token,
    })
  return told
}

/** Whether no greater fragment is told of it. */
export function isRoot({ ties }: Fragment): boolean {
  return ties === null || ties.told.size === 0
}

/** Of one that was ever erased, what was written to it since counts as that too: it is looked at anew. */
function isErasedSince({ ties, sequence }: Fragment, seen: number): boolean {
  return ties !== null && ties.tomb !== null && sequence > seen
}
