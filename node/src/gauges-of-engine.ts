import type { Engine } from './runtime/engine.ts'
import type { Store } from './runtime/ports.ts'
import type { Gauges, ShardGauges } from './telemetry/gauges.ts'

export interface GaugeSources {
  readonly engine: Engine
  readonly store: Store
  readonly memoryBytes: number
  /** Replicas of a shard besides its primary. */
  readonly standbys: number
}

/** What a node shows of itself to whoever scrapes it. */
export function gaugesOfEngine({ engine, store, memoryBytes, standbys }: GaugeSources): Gauges {
  return {
    get actors() {
      const { count, heldBytes, arena } = engine.actors
      return { count, heldBytes, budgetBytes: memoryBytes, arenaBytes: arena.pageBytes }
    },
    shards: () => shardsOf(engine),
    get cluster() {
      return clusterOf(engine, standbys)
    },
    get isReady() {
      return engine.health().ready
    },
    get playbook() {
      return engine.playbook()?.version ?? 0
    },
    get model() {
      const { model, publishedAt, beliefs } = engine.learning.current.inUse
      const ageSeconds = model.version === 0 ? 0 : Math.max(0, Date.now() - publishedAt) / 1_000
      return { version: model.version, ageSeconds, beliefs }
    },
    get logReachable() {
      return engine.health().logReachable
    },
    get isStoreFailing() {
      return engine.checkpointer.failure !== ''
    },
    store: () => store.usage(),
  }
}

function shardsOf({ cluster }: Engine): ShardGauges[] {
  const { holdings, members, map, trimmer } = cluster
  const reports = members.reports()
  return Array.from(holdings.reports(), ([number, { status, applied, flushed }]) => {
    const shard = holdings.byNumber[number]
    const isLed = holdings.leads(number)
    const primary = map?.shards[number]?.primary ?? ''
    const ahead = reports.get(primary)?.replicas.get(number)?.applied
    return {
      shard: number,
      status: shard?.status ?? 'opening',
      isLed,
      isCaughtUp: status === 'hot',
      isSuspect: shard?.isSuspect === true,
      applied,
      flushed,
      lag: ahead === undefined ? undefined : Math.max(0, ahead - applied),
      log: isLed ? trimmer.room.get(number) : undefined,
    }
  })
}

function clusterOf({ id, cluster }: Engine, standbys: number): Gauges['cluster'] {
  const { epoch = 0, nodes = [], shards = [] } = cluster.map ?? {}
  return {
    epoch,
    nodes: nodes.length,
    shards: shards.length,
    replicasWanted: Math.max(1, Math.min(standbys + 1, nodes.length)),
    primaries: shards.filter(({ primary }) => primary === id).length,
    standbys: shards.filter((one) => one.standbys.includes(id)).length,
    warming: shards.filter(({ warming }) => warming.includes(id)).length,
    isCoordinator: cluster.coordinator.isCoordinating,
  }
}
