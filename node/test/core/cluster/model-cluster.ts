import type {
  ClusterMap,
  Intent,
  NodeReport,
  NodeRow,
  ReplicaReport,
  ReplicaStatus,
  Replicas,
} from '../../../src/core/cluster/cluster-map.ts'
import {
  initialMap,
  type Move,
  type NextMapInput,
  nextMap,
} from '../../../src/core/cluster/next-map.ts'

/** What a node does with a shard that the map gives to it. */
interface ModelReplica {
  /** Looks that it still takes until it has caught up. */
  left: number
  isStopped: boolean
  applied: number
}

interface ModelNode {
  row: NodeRow
  isUp: boolean
  isLagging: boolean
  silentMs: number
  /** The life that was heard last; its beats come after it has registered. */
  heard: string
  readonly replicas: Map<number, ModelReplica>
}

/** Looks that a copy or a replay takes. */
const fillLooks = 3

export const timing = { downMs: 1_000, replaceMs: 300_000, warmingsPerNode: 2 }

/**
 * A cluster without time, network or data: nodes that do what the newest map says, and whatever
 * else happens to them. Each look passes time, then asks for the next map and follows it.
 */
export class ModelCluster {
  readonly nodes = new Map<string, ModelNode>()
  readonly shards: number
  readonly standbys: number
  moves: readonly Move[] = []
  isPaused = false
  namespaces: NextMapInput['namespaces']
  canAccuse = true
  map: ClusterMap | undefined
  /** Called with every step and what it was made from. */
  onStep: (input: NextMapInput, next: ClusterMap) => void = () => {}
  private lives = 0
  private elapsedMs = 0

  constructor(shards: number, standbys: number) {
    this.shards = shards
    this.standbys = standbys
  }

  /** Registers a node, or its next life. */
  start(id: string, host = id, zone = '', weight = 1): void {
    const boot = `life-${++this.lives}`
    const row = { id, boot, host, zone, weight, intent: 'serve', foldVersion: 1 } as const
    const replicas = this.nodes.get(id)?.replicas ?? new Map<number, ModelReplica>()
    for (const replica of replicas.values()) {
      replica.left = fillLooks
      replica.isStopped = false
    }
    const heard = this.nodes.get(id)?.heard ?? ''
    const silentMs = this.nodes.get(id)?.silentMs ?? Number.POSITIVE_INFINITY
    this.nodes.set(id, { row, isUp: true, isLagging: false, silentMs, heard, replicas })
  }

  kill(id: string): void {
    this.change(id, (node) => {
      node.isUp = false
    })
  }

  intend(id: string, intent: Intent): void {
    this.change(id, (node) => {
      node.row = { ...node.row, intent }
    })
  }

  lag(id: string, isLagging: boolean): void {
    this.change(id, (node) => {
      node.isLagging = isLagging
    })
  }

  /** The node cannot follow a shard any more, until it is started again. */
  stop(id: string, shard: number): void {
    const replica = this.nodes.get(id)?.replicas.get(shard)
    if (replica) replica.isStopped = true
  }

  /** Passes time and takes the next step; false if there is nothing to do. */
  look(ms = 200): boolean {
    this.pass(ms)
    const input = this.input()
    const next = input
      ? nextMap(input)
      : initialMap(this.rows(), this.incarnations(), [], this.standbys)
    if (next === undefined) return false
    if (input) this.onStep(input, next)
    this.follow(next)
    return true
  }

  input(): NextMapInput | undefined {
    const { map, standbys, canAccuse, isPaused, moves, namespaces } = this
    const rows = this.rows()
    const reports = this.reports()
    const incarnations = this.incarnations()
    if (map === undefined) return undefined
    const listeningMs = this.elapsedMs
    return {
      map,
      rows,
      reports,
      listeningMs,
      incarnations,
      standbys,
      timing,
      canAccuse,
      isPaused,
      namespaces,
      moves,
    }
  }

  private incarnations(): readonly number[] {
    return Array.from({ length: this.shards }, (_, shard) => 1_000 + shard)
  }

  private rows(): readonly NodeRow[] {
    return Array.from(this.nodes.values(), ({ row }) => row).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  private reports(): ReadonlyMap<string, NodeReport> {
    const reports = new Map<string, NodeReport>()
    for (const [id, node] of this.nodes) {
      if (node.heard === '') continue
      const replicas = new Map<number, ReplicaReport>()
      for (const [shard, replica] of node.replicas)
        replicas.set(shard, this.reportOf(node, shard, replica))
      reports.set(id, { boot: node.heard, silentMs: node.silentMs, replicas })
    }
    return reports
  }

  private reportOf(node: ModelNode, shard: number, replica: ModelReplica): ReplicaReport {
    const { applied } = replica
    const epoch = this.map?.shards[shard]?.epoch ?? 0
    const status = statusOf(node, replica)
    return { status, applied, flushed: applied, epoch, digestAt: 0, digest: '', unsentMs: 0 }
  }

  /** Living nodes are heard, copies grow, and the log of every shard does. */
  private pass(ms: number): void {
    this.elapsedMs += ms
    for (const node of this.nodes.values()) {
      if (!node.isUp) {
        node.silentMs += ms
        continue
      }
      node.silentMs = 0
      node.heard = node.row.boot
      for (const replica of node.replicas.values()) {
        replica.left = Math.max(0, replica.left - 1)
        if (statusOf(node, replica) === 'hot') replica.applied++
      }
    }
  }

  private follow(map: ClusterMap): void {
    const isFirst = this.map === undefined
    this.map = map
    for (const [id, { row, replicas, heard, silentMs }] of this.nodes) {
      for (const [shard, entry] of map.shards.entries()) {
        if (!holdersOf(entry).includes(id)) replicas.delete(shard)
        else if (!replicas.has(shard)) {
          const left = isFirst ? 1 : fillLooks
          replicas.set(shard, { left, isStopped: false, applied: 0 })
        }
      }
      const isForgotten = row.intent === 'decommission' && silentMs > 2_000 && heard !== ''
      if (isForgotten && replicas.size === 0) this.nodes.delete(id)
    }
  }

  private change(id: string, how: (node: ModelNode) => void): void {
    const node = this.nodes.get(id)
    if (node) how(node)
  }
}

function statusOf(node: ModelNode, { left, isStopped }: ModelReplica): ReplicaStatus {
  if (isStopped) return 'stopped'
  if (left > 0) return 'recovering'
  return node.isLagging ? 'lagging' : 'hot'
}

/** All nodes that have rows of a shard. */
export function holdersOf({ primary, standbys, warming }: Replicas): readonly string[] {
  return [primary, ...standbys, ...warming]
}

/** Whether a node's present life is heard and says that its replica may be promoted. */
export function isHot({ rows, reports }: NextMapInput, id: string, shard: number): boolean {
  const report = reports.get(id)
  const row = rows.find((one) => one.id === id)
  if (report === undefined || report.boot !== row?.boot) return false
  return report.silentMs <= timing.downMs && report.replicas.get(shard)?.status === 'hot'
}
