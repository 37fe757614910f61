import type { Gauge } from 'prom-client'
import type { Gauges, ShardGauges } from './gauges.ts'

/** Adds a gauge that is read at each scrape. @param name without the prefix */
export type AddGauge = (
  name: string,
  help: string,
  labelNames: readonly string[],
  read: (gauge: Gauge) => void | Promise<void>,
) => void

/** The metrics that are read from a node's parts when somebody scrapes. */
export function watchGauges(gauges: Gauges, add: AddGauge): void {
  watchNode(gauges, add)
  watchCluster(gauges, add)
  watchReplicas(gauges, add)
  watchEachShard(gauges, add)
}

function watchNode(gauges: Gauges, add: AddGauge): void {
  const plain = [
    ['actors', 'Actors in memory.', () => gauges.actors.count],
    ['actor_held_bytes', 'Bytes that actors hold.', () => gauges.actors.heldBytes],
    ['actor_budget_bytes', 'Bytes that actors may hold.', () => gauges.actors.budgetBytes],
    ['actor_arena_bytes', 'Bytes of the pages of the arena.', () => gauges.actors.arenaBytes],
    ['ready', '1 while the node should get traffic.', () => asNumber(gauges.isReady)],
    ['playbook_version', 'Playbook that decides; 0 before the first.', () => gauges.playbook],
    ['model_version', 'Model that decides; 0 before the first.', () => gauges.model.version],
    [
      'model_age_seconds',
      'Time since the model that decides was published; 0 before the first.',
      () => gauges.model.ageSeconds,
    ],
    ['model_beliefs', 'Arms in buckets that the model has draws of.', () => gauges.model.beliefs],
    ['log_reachable', '1 while the log can be written to.', () => asNumber(gauges.logReachable)],
    [
      'store_failing',
      '1 while checkpoints cannot be written.',
      () => asNumber(gauges.isStoreFailing),
    ],
  ] as const
  for (const [name, help, read] of plain) add(name, help, [], (gauge) => gauge.set(read()))
  add('lmdb_used_bytes', 'Bytes of the store on disk.', [], async (gauge) => {
    gauge.set((await gauges.store()).usedBytes)
  })
  add('lmdb_free_bytes', 'Bytes that its disk still has.', [], async (gauge) => {
    gauge.set((await gauges.store()).freeBytes)
  })
}

function watchCluster(gauges: Gauges, add: AddGauge): void {
  const plain = [
    ['cluster_epoch', 'Epoch of the shard map.', () => gauges.cluster.epoch],
    ['cluster_nodes', 'Nodes of the shard map.', () => gauges.cluster.nodes],
    ['cluster_shards', 'Shards of the shard map.', () => gauges.cluster.shards],
    [
      'cluster_replicas_wanted',
      'Caught-up replicas that each shard shall have.',
      () => gauges.cluster.replicasWanted,
    ],
    [
      'coordinator',
      '1 while this node changes the shard map.',
      () => asNumber(gauges.cluster.isCoordinator),
    ],
  ] as const
  for (const [name, help, read] of plain) add(name, help, [], (gauge) => gauge.set(read()))
  add('replicas', 'Replicas that the shard map gives to this node.', ['role'], (gauge) => {
    const { primaries, standbys, warming } = gauges.cluster
    gauge.set({ role: 'primary' }, primaries)
    gauge.set({ role: 'standby' }, standbys)
    gauge.set({ role: 'warming' }, warming)
  })
}

function watchReplicas(gauges: Gauges, add: AddGauge): void {
  add('shards', 'Shards that this node holds.', ['state'], (gauge) => {
    gauge.reset()
    for (const { status } of gauges.shards()) gauge.inc({ state: status })
  })
  add('shards_behind', 'Shards that follow their log and are not caught up.', [], (gauge) => {
    gauge.set(count(gauges, (one) => one.status === 'following' && !one.isCaughtUp))
  })
  add('shards_suspect', 'Shards of which two replicas have different facts.', [], (gauge) => {
    gauge.set(count(gauges, ({ isSuspect }) => isSuspect))
  })
}

function watchEachShard(gauges: Gauges, add: AddGauge): void {
  const each = (
    name: string,
    help: string,
    read: (shard: ShardGauges) => number | undefined,
  ): void =>
    add(`shard_${name}`, help, ['shard'], (gauge) => {
      gauge.reset()
      for (const one of gauges.shards()) {
        const value = read(one)
        if (value !== undefined) gauge.set({ shard: String(one.shard) }, value)
      }
    })
  each('leads', '1 where this node leads the shard.', (one) => asNumber(one.isLed))
  each('caught_up', '1 where the replica may be promoted.', (one) => asNumber(one.isCaughtUp))
  each('applied_sequence', 'Last log entry applied.', ({ applied }) => applied)
  each(
    'flushed_sequence',
    'Last log entry that a restart need not fold again.',
    ({ flushed }) => flushed,
  )
  each('lag_entries', 'Log entries that only the primary has applied.', ({ lag }) => lag)
  each('log_bytes', 'Size of the log, where this node leads.', ({ log }) => log?.bytes)
  each('log_max_bytes', 'Size that the log may have.', ({ log }) => log?.bytesMax)
}

function count(gauges: Gauges, counts: (shard: ShardGauges) => boolean): number {
  let total = 0
  for (const one of gauges.shards()) if (counts(one)) total++
  return total
}

function asNumber(claim: boolean): number {
  return claim ? 1 : 0
}
