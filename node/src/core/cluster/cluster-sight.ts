import type { ClusterMap, NodeRow, ReplicaStatus, Replicas } from './cluster-map.ts'
import type { NextMapInput } from './next-map.ts'

/** What the coordinator knows, in the words of the rules. */
export class ClusterSight {
  readonly input: NextMapInput
  /** Of the next map: greater than whatever anybody ever led by. */
  readonly epoch: number
  private readonly rows: ReadonlyMap<string, NodeRow>

  constructor(input: NextMapInput) {
    this.input = input
    this.rows = new Map(input.rows.map((row) => [row.id, row]))
    let epoch = input.map.epoch
    for (const { replicas } of input.reports.values())
      for (const report of replicas.values()) epoch = Math.max(epoch, report.epoch)
    this.epoch = epoch + 1
  }

  mapOf(shards: readonly Replicas[]): ClusterMap {
    const { map, rows, namespaces = map.namespaces } = this.input
    return { ...map, epoch: this.epoch, nodes: rows.map(({ id }) => id), namespaces, shards }
  }

  row(id: string): NodeRow | undefined {
    return this.rows.get(id)
  }

  isServing(id: string): boolean {
    return this.row(id)?.intent === 'serve'
  }

  /** Whether it counts as living; everybody does who cannot be accused. */
  isAlive(id: string): boolean {
    return this.row(id) !== undefined && (!this.input.canAccuse || this.isHeard(id))
  }

  /** Whether it has not been silent for so long that others shall have its replicas. */
  isExpected(id: string): boolean {
    const { canAccuse, timing } = this.input
    return !canAccuse || this.silentMs(id) <= timing.replaceMs
  }

  /** What the node's present life says of its replica. */
  status(id: string, shard: number): ReplicaStatus {
    const report = this.input.reports.get(id)
    if (report === undefined || report.boot !== this.row(id)?.boot) return 'recovering'
    return report.replicas.get(shard)?.status ?? 'recovering'
  }

  applied(id: string, shard: number): number {
    return this.input.reports.get(id)?.replicas.get(shard)?.applied ?? 0
  }

  /** Whether it may be promoted: nobody is for lack of bad news. */
  isHot(id: string, shard: number): boolean {
    return this.isHeard(id) && this.status(id, shard) === 'hot'
  }

  /** Epoch of the newest primary that the node has seen. */
  seenEpoch(id: string, shard: number): number {
    return this.input.reports.get(id)?.replicas.get(shard)?.epoch ?? 0
  }

  private isHeard(id: string): boolean {
    return this.silentMs(id) <= this.input.timing.downMs
  }

  private silentMs(id: string): number {
    return this.input.reports.get(id)?.silentMs ?? this.input.listeningMs
  }
}
