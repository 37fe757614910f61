import type { Replicas } from './cluster-map.ts'
import type { ClusterSight } from './cluster-sight.ts'

/** The same entry where its primary works; else one with the best primary that there is now. */
export function withPrimary(entry: Replicas, shard: number, sight: ClusterSight): Replicas {
  const { primary, boot, epoch } = entry
  const row = sight.row(primary)
  const isAlive = sight.isAlive(primary)
  const isStopped = isAlive && sight.status(primary, shard) === 'stopped'
  const isAnotherLife = row !== undefined && row.boot !== boot
  const isDue = !isAlive || isStopped || isAnotherLife || !sight.isServing(primary)
  if (isDue) {
    const next = successor(entry, shard, sight, isAlive)
    if (next !== undefined) return promoted(entry, next, sight)
  }
  const isOvertaken = sight.seenEpoch(primary, shard) > epoch
  if (row !== undefined && isAlive && (isAnotherLife || isOvertaken))
    return { ...entry, epoch: sight.epoch, boot: row.boot }
  return entry
}

/** The old primary keeps its data and stands by, unless it is gone for good. */
export function promoted(entry: Replicas, to: string, sight: ClusterSight): Replicas {
  const isGone = sight.row(entry.primary) === undefined
  const others = entry.standbys.filter((id) => id !== to)
  return {
    ...entry,
    primary: to,
    standbys: isGone ? others : [...others, entry.primary],
    warming: entry.warming.filter((id) => id !== to),
    epoch: sight.epoch,
    boot: sight.row(to)?.boot ?? '',
  }
}

/** A hot one that stays, a hot one that leaves, or, where nobody answers otherwise, any that lives. */
function successor(
  { standbys, warming }: Replicas,
  shard: number,
  sight: ClusterSight,
  isAlive: boolean,
): string | undefined {
  const hot = [...standbys, ...warming].filter((id) => sight.isHot(id, shard))
  const staying = hot.filter((id) => sight.isServing(id))
  if (staying.length > 0 || isAlive) return best(staying, shard, sight)
  const living = standbys.filter((id) => sight.isAlive(id) && sight.status(id, shard) !== 'stopped')
  return best(hot, shard, sight) ?? best(living, shard, sight)
}

/** The one that has folded most; of equals the first. */
function best(ids: readonly string[], shard: number, sight: ClusterSight): string | undefined {
  let found: string | undefined
  for (const id of ids)
    if (found === undefined || sight.applied(id, shard) > sight.applied(found, shard)) found = id
  return found
}
