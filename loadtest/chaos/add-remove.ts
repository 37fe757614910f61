import { setTimeout as sleep } from 'node:timers/promises'
import { isFields } from '@halfsecond/protocol'
import type { ChaosCluster } from './cluster.ts'
import { greatestOf, movesRatio } from './moves.ts'
import type { Extra, Scenario } from './scenario.ts'

const settleMaxMs = 120_000
const healMaxMs = 60_000

/** No move within this time: the cluster is balanced. */
const quietMs = 4_000

/** A fourth node joins and takes its share, and is decommissioned again. */
export const addRemove: Scenario = {
  about: 'a fourth node joins and takes its share, and is decommissioned again',
  bounds: { decideP99: 100, decideP999: 500, defaultRatio: 0 },
  faultsLeast: 2,
  async run({ cluster, until, fault }) {
    const { nodes, watch } = cluster
    const moves: Extra[] = []
    const node = cluster.newNode()
    for (let turn = 0; turn === 0 || performance.now() < until; turn++) {
      const before = watch.primaries()
      await node.start()
      if (turn > 0) await cluster.admin(`/v1/cluster/nodes/${node.id}/undrain`, {}).catch(() => {})
      await balanced(cluster)
      const led = watch.ledBy(node.id).length
      if (led === 0) throw new Error(`${node.id} leads nothing`)
      const joined = watch.primaries()
      moves.push(movesRatio(before, joined, nodes.length, `${node.id} joins`))
      fault(`${node.id} joined and leads ${led} shards`)
      await cluster.admin(`/v1/cluster/nodes/${node.id}/decommission`, {})
      await balanced(cluster)
      const held = cluster.watch.map?.shards.filter(({ primary, standbys }) =>
        [primary, ...standbys].includes(node.id),
      )
      if (held === undefined || held.length > 0)
        throw new Error(`${node.id} still holds ${held?.length} shards`)
      moves.push(movesRatio(joined, watch.primaries(), nodes.length, `${node.id} leaves`))
      await node.stop('SIGTERM')
      fault(`${node.id} left`)
    }
    await watch.redundant(healMaxMs)
    return () => greatestOf(moves)
  },
}

/** Resolves when nothing has moved for a while and no copy is under way. */
async function balanced(cluster: ChaosCluster): Promise<void> {
  const { watch } = cluster
  const end = performance.now() + settleMaxMs
  let epoch = -1
  for (let quietSince = performance.now(); performance.now() - quietSince < quietMs; ) {
    if (performance.now() > end) throw new Error('the cluster goes on moving shards')
    const view = await cluster.admin('/v1/cluster')
    const rebalance = isFields(view) && isFields(view.rebalance) ? view.rebalance : {}
    if (rebalance.copies !== 0 || watch.map?.epoch !== epoch) quietSince = performance.now()
    epoch = watch.map?.epoch ?? -1
    await sleep(200)
  }
}
