import type { ClusterMap, NodeReport, NodeRow, ReplicaReport, Replicas } from './cluster-map.ts'
import type { Move, NextMapInput } from './next-map.ts'

/** One thing that a plan changes. */
export interface PlannedMove {
  readonly shard: number
  /** Another node leads, another holds a replica, or a node holds one no longer. */
  readonly what: 'lead' | 'copy' | 'leave'
  /** Whom the shard comes from; of a copy, its donor. */
  readonly from: string
  /** Whom it goes to; the same as `from` where it only leaves. */
  readonly to: string
  readonly why: string
}

/** The same, as it is once this map was followed: every replica of a node that lives has caught up. */
export function assumeFollowed(input: NextMapInput, map: ClusterMap): NextMapInput {
  const { timing } = input
  const replicas = new Map<string, Map<number, ReplicaReport>>()
  for (const [id, report] of input.reports) replicas.set(id, new Map(report.replicas))
  for (const [shard, entry] of map.shards.entries()) {
    for (const id of replicasOf(entry)) {
      const own = replicas.get(id)
      const before = own?.get(shard)
      if (before?.status !== 'stopped') own?.set(shard, { ...(before ?? filled), status: 'hot' })
    }
  }
  const boots = new Map(input.rows.map(({ id, boot }) => [id, boot]))
  const reports = new Map<string, NodeReport>()
  for (const [id, report] of input.reports) {
    const boot = boots.get(id) ?? report.boot
    reports.set(id, { ...report, boot, replicas: replicas.get(id) ?? report.replicas })
  }
  return { ...input, map, reports, timing: { ...timing, warmingsPerNode: map.shards.length } }
}

const filled: ReplicaReport = {
  status: 'hot',
  applied: 0,
  flushed: 0,
  epoch: 0,
  digestAt: 0,
  digest: '',
  unsentMs: 0,
}

/** What changes between two maps, shard by shard, and why. */
export function describePlan(
  map: ClusterMap,
  next: ClusterMap,
  rows: readonly NodeRow[],
  wishes: readonly Move[],
): readonly PlannedMove[] {
  const intents = new Map(rows.map(({ id, intent }) => [id, intent]))
  const reason = (id: string): string | undefined => {
    const intent = intents.get(id)
    if (intent === undefined) return `${id} is gone`
    return intent === 'serve'
      ? undefined
      : `${id} ${intent === 'drain' ? 'drains' : 'is decommissioned'}`
  }
  return next.shards.flatMap((after, shard) => {
    const before = map.shards[shard]
    if (before === undefined) return []
    const held = replicasOf(before)
    const kept = replicasOf(after)
    const wish = wishes.find((one) => one.shard === shard && one.to === after.primary)
    const leaving = held.filter((id) => !kept.includes(id))
    const cause = held.map(reason).find((why) => why !== undefined) ?? 'balance'
    const why = wish ? 'an operator asked for it' : cause
    const copies = kept
      .filter((id) => !held.includes(id))
      .map((to): PlannedMove => ({ shard, what: 'copy', from: before.primary, to, why }))
    const leads: PlannedMove[] =
      after.primary === before.primary
        ? []
        : [{ shard, what: 'lead', from: before.primary, to: after.primary, why }]
    const leaves = leaving.map((id): PlannedMove => {
      return { shard, what: 'leave', from: id, to: id, why: reason(id) ?? why }
    })
    return [...copies, ...leads, ...leaves]
  })
}

function replicasOf({ primary, standbys, warming }: Replicas): readonly string[] {
  return [primary, ...standbys, ...warming]
}
