import type { FragmentId } from '@halfsecond/protocol'
import { type Copy, isNewer, type Ties } from './ties.ts'

/** Of every fragment below, the newest copy that was handed up; none of what an erase made void. */
export function copiesBelow(ties: Ties): ReadonlyMap<FragmentId, Copy> {
  const waiting = waitingOf(ties)
  const newest = new Map<FragmentId, Copy>()
  for (const [from, { copies }] of ties.below) {
    if (waiting?.has(from)) continue
    for (const copy of copies.values()) {
      const other = newest.get(copy.id)
      if (other === undefined || isNewer(copy.version, other.version)) newest.set(copy.id, copy)
    }
  }
  return newest
}

/** The newest copy of a fragment among those handed up; none of what an erase made void. */
export function newestCopy(ties: Ties | null, id: FragmentId): Copy | undefined {
  if (ties === null) return undefined
  const waiting = waitingOf(ties)
  let newest: Copy | undefined
  for (const [from, { copies }] of ties.below) {
    const copy = waiting?.has(from) ? undefined : copies.get(id)
    if (copy && (newest === undefined || isNewer(copy.version, newest.version))) newest = copy
  }
  return newest
}

/** Those that an erase was spread to and that have not answered: what they handed up is void. */
function waitingOf(ties: Ties): ReadonlySet<FragmentId> | undefined {
  let all: Set<FragmentId> | undefined
  for (const { wait } of ties.tomb?.erasures.values() ?? []) {
    if (wait.size === 0) continue
    all ??= new Set()
    for (const id of wait) all.add(id)
  }
  return all
}
