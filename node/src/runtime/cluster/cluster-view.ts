import type {
  ClusterMap,
  Intent,
  NodeReport,
  NodeRow,
  ReplicaReport,
  ReplicaStatus,
} from '../../core/cluster/cluster-map.ts'
import type { Wishes } from './coordinator.ts'
import type { LogRoom } from './trimmer.ts'

/** Silence after which a node counts as away. */
const awayMs = 1_000

/** The cluster as one node sees it, for operators. */
export interface ClusterView {
  /** Of the map that this node follows. */
  readonly epoch: number
  /** The node that changes the map; undefined where none is known. */
  readonly coordinator: string | undefined
  /** Whether what nodes agree on could be read just now; else it is what was known last. */
  readonly isAgreementReachable: boolean
  readonly nodes: readonly NodeView[]
  readonly shards: readonly ShardView[]
  readonly redundancy: Redundancy
  readonly rebalance: Wishes & {
    /** Replicas that are being filled. */
    readonly copies: number
  }
}

export interface NodeView {
  readonly id: string
  readonly intent: Intent
  readonly host: string
  readonly zone: string
  readonly weight: number
  readonly state: 'up' | 'away'
  /** Since its last sign of life; undefined where this node has heard none. */
  readonly silentMs: number | undefined
  /** Shards by what the node is for them. */
  readonly primaries: number
  readonly standbys: number
  readonly warming: number
  /** How late its event loop was. */
  readonly loopDelayMs: number | undefined
  /** Of the map that it follows. */
  readonly epoch: number | undefined
  readonly foldVersion: number
  readonly isCoordinator: boolean
}

export interface ShardView {
  readonly shard: number
  readonly primary: string
  readonly standbys: readonly string[]
  readonly warming: readonly string[]
  readonly epoch: number
  /** Replicas that may be promoted, the primary included. */
  readonly hot: number
  readonly replicas: readonly ReplicaOfShard[]
  /** How full its log is; undefined until its primary has looked, every 30 s. */
  readonly log: LogRoom | undefined
}

export interface ReplicaOfShard {
  readonly node: string
  readonly role: 'primary' | 'standby' | 'warming'
  /** `away` where its node is. */
  readonly status: ReplicaStatus | 'away'
  readonly applied: number | undefined
  /** Entries that the primary has folded and this one has not. */
  readonly lag: number | undefined
  readonly flushed: number | undefined
  /** Whether others folded the same entries to the same facts; `unknown` before the first comparison. */
  readonly digest: 'agreed' | 'suspect' | 'unknown'
}

/** How many shards have how many replicas that may be promoted. */
export interface Redundancy {
  /** Hot replicas that each shard shall have. */
  readonly wanted: number
  readonly full: number
  /** Fewer than wanted, and at least one. */
  readonly reduced: number
  readonly none: number
}

export interface ClusterFacts {
  readonly map: ClusterMap
  readonly rows: readonly NodeRow[]
  readonly reports: ReadonlyMap<string, NodeReport>
  /** By node: epoch of its map, and how late its loop is. */
  readonly beats: ReadonlyMap<string, { readonly epoch: number; readonly loopDelayMs: number }>
  readonly coordinator: string | undefined
  readonly isAgreementReachable: boolean
  readonly wishes: Wishes
  readonly rooms: ReadonlyMap<number, LogRoom>
  /** Replicas of a shard besides its primary. */
  readonly standbys: number
}

export function clusterView(facts: ClusterFacts): ClusterView {
  const { map, rows, reports, coordinator, isAgreementReachable, wishes, rooms, standbys } = facts
  const shards = map.shards.map(({ primary, standbys, warming, epoch }, shard): ShardView => {
    const replicas = [
      replicaOf(shard, primary, 'primary', primary, reports),
      ...standbys.map((node) => replicaOf(shard, node, 'standby', primary, reports)),
      ...warming.map((node) => replicaOf(shard, node, 'warming', primary, reports)),
    ]
    const hot = replicas.filter(({ status }) => status === 'hot').length
    return { shard, primary, standbys, warming, epoch, hot, replicas, log: rooms.get(shard) }
  })
  const members = rows.filter(({ intent }) => intent !== 'decommission').length
  const wanted = Math.max(1, Math.min(standbys + 1, members))
  const full = shards.filter(({ hot }) => hot >= wanted).length
  const none = shards.filter(({ hot }) => hot === 0).length
  return {
    epoch: map.epoch,
    coordinator,
    isAgreementReachable,
    nodes: rows.map((row) => nodeOf(row, shards, facts)),
    shards,
    redundancy: { wanted, full, reduced: shards.length - full - none, none },
    rebalance: { ...wishes, copies: shards.reduce((sum, { warming }) => sum + warming.length, 0) },
  }
}

function nodeOf(row: NodeRow, shards: readonly ShardView[], facts: ClusterFacts): NodeView {
  const { id, intent, host, zone, weight, foldVersion } = row
  const silentMs = facts.reports.get(id)?.silentMs
  const beat = facts.beats.get(id)
  return {
    id,
    intent,
    host,
    zone,
    weight,
    state: isAway(facts.reports.get(id)) ? 'away' : 'up',
    silentMs: silentMs === undefined ? undefined : Math.round(silentMs),
    primaries: shards.filter(({ primary }) => primary === id).length,
    standbys: shards.filter(({ standbys }) => standbys.includes(id)).length,
    warming: shards.filter(({ warming }) => warming.includes(id)).length,
    loopDelayMs: beat && Math.round(beat.loopDelayMs),
    epoch: beat?.epoch,
    foldVersion,
    isCoordinator: id === facts.coordinator,
  }
}

function replicaOf(
  shard: number,
  node: string,
  role: ReplicaOfShard['role'],
  primary: string,
  reports: ReadonlyMap<string, NodeReport>,
): ReplicaOfShard {
  const report = reports.get(node)
  const own = report?.replicas.get(shard)
  const ahead = reports.get(primary)?.replicas.get(shard)?.applied
  return {
    node,
    role,
    status: isAway(report) ? 'away' : (own?.status ?? 'recovering'),
    applied: own?.applied,
    lag: own && ahead !== undefined ? Math.max(0, ahead - own.applied) : undefined,
    flushed: own?.flushed,
    digest: digestOf(shard, node, own, reports),
  }
}

function digestOf(
  shard: number,
  node: string,
  own: ReplicaReport | undefined,
  reports: ReadonlyMap<string, NodeReport>,
): ReplicaOfShard['digest'] {
  if (own === undefined || own.digestAt === 0) return 'unknown'
  const others = Array.from(reports)
    .filter(([id]) => id !== node)
    .flatMap(([, { replicas }]) => replicas.get(shard) ?? [])
    .filter(({ digestAt }) => digestAt === own.digestAt)
  if (others.length === 0) return 'unknown'
  return others.every(({ digest }) => digest === own.digest) ? 'agreed' : 'suspect'
}

function isAway(report: NodeReport | undefined): boolean {
  return report === undefined || report.silentMs > awayMs
}
