import type { GrantLimit, GrantRecord } from '@halfsecond/protocol'
import { identityOf } from '../fragment/entry.ts'
import { effectiveTime, evolve, type Ground, isKnown, type Logged } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { grantsAfter } from '../fragment/grants.ts'
import { isRoot } from '../identity/revise.ts'
import type { Recognition } from './recognition.ts'

/**
 * Folds what was given at a root. Where strict limits stand in its way it is refused, and leaves no
 * trace, unless each of them has room: the log is the only place where two that are given at the
 * same moment come one after the other.
 *
 * G1 the same proposition of the same decision counts once.
 * G2 a strict limit counts what was granted to this root before, in the order of the log.
 * G3 whoever is no root any more grants nothing: another one counts for both from now on.
 *
 * @returns whether it changed anything
 */
export function applyGrant(record: GrantRecord, logged: Logged, recognition: Recognition): boolean {
  const { facts } = recognition
  const fragment = facts.activate(record.id)
  const at = effectiveTime(record, logged.timestamp)
  const tomb = fragment.ties?.tomb
  if (tomb && at <= tomb.at) return false
  if (record.limits !== undefined) {
    if (isKnown(fragment, record, identityOf(record), at, facts)) return false
    if (!isRoot(fragment)) return false
    if (!hasRoom(fragment, record, record.limits, facts)) return false
  }
  if (!evolve(fragment, record, logged, facts)) return false
  recognition.changed(fragment, false)
  recognition.learn(fragment, record, logged)
  return true
}

function hasRoom(
  fragment: Fragment,
  record: GrantRecord,
  limits: readonly GrantLimit[],
  ground: Pick<Ground, 'arena' | 'chunks'>,
): boolean {
  return limits.every((limit) => {
    let count = 0
    for (const granted of grantsAfter(fragment, limit.since, ground)) {
      if (count >= limit.max) break
      if (isCounted(granted, record, limit)) count++
    }
    return count < limit.max
  })
}

/** Whether an earlier grant stands in the way of this one. */
function isCounted(granted: GrantRecord, record: GrantRecord, { scope }: GrantLimit): boolean {
  switch (scope) {
    case 'offer':
      return granted.offer === record.offer
    case 'group':
      return granted.group === record.group
    case 'placement':
      return granted.placement === record.placement
    case 'channel':
      return granted.channel === record.channel
    case 'all':
      return true
  }
}
