import type { ClusterMap, NodeReport } from '../../core/cluster/cluster-map.ts'
import type { Clock } from '../ports.ts'

/** What is known of the outboxes is looked up anew after so long: beats come no faster. */
const lookMs = 100

/** Longer than this nothing may wait, and no primary be silent. */
const sentMs = 1_000

export interface OutboxSightDependencies {
  readonly map: () => ClusterMap | undefined
  readonly reports: () => ReadonlyMap<string, NodeReport>
  readonly clock: Pick<Clock, 'monotonic'>
}

/** Whether shards told each other what they have for each other, as far as the last beats say. */
export class OutboxSight {
  private readonly uses: OutboxSightDependencies
  private sent: ReadonlySet<number> = new Set()
  private lookedAt = Number.NEGATIVE_INFINITY

  constructor(uses: OutboxSightDependencies) {
    this.uses = uses
  }

  /** Whether all that a shard had for others a second ago is in their logs. */
  isSent(shard: number): boolean {
    const now = this.uses.clock.monotonic()
    if (now - this.lookedAt >= lookMs) {
      this.sent = this.look()
      this.lookedAt = now
    }
    return this.sent.has(shard)
  }

  private look(): ReadonlySet<number> {
    const { map, reports } = this.uses
    const heard = reports()
    const sent = new Set<number>()
    for (const [shard, { primary }] of map()?.shards.entries() ?? []) {
      const report = heard.get(primary)
      const replica = report?.replicas.get(shard)
      if (report === undefined || replica === undefined) continue
      if (report.silentMs <= sentMs && replica.unsentMs <= sentMs) sent.add(shard)
    }
    return sent
  }
}
