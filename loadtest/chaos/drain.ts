import { setTimeout as sleep } from 'node:timers/promises'
import { greatestOf, movesRatio } from './moves.ts'
import type { Extra, Scenario } from './scenario.ts'

const healMaxMs = 60_000
const drainMaxMs = 30_000
const restMs = 3_000

/** A node is drained by its operator, and taken back, one after the other. */
export const drain: Scenario = {
  about: 'a node is drained and taken back, while it runs',
  bounds: { decideP99: 100, decideP999: 500, defaultRatio: 0 },
  async run({ cluster, until, fault }) {
    const { nodes, watch } = cluster
    const moves: Extra[] = []
    for (let turn = 0; turn === 0 || performance.now() < until; turn++) {
      const node = nodes[turn % nodes.length]
      if (node === undefined) throw new Error('there are no nodes')
      const before = watch.primaries()
      await cluster.admin(`/v1/cluster/nodes/${node.id}/drain`, {})
      for (const end = performance.now() + drainMaxMs; watch.ledBy(node.id).length > 0; ) {
        if (performance.now() > end)
          throw new Error(`${node.id} still leads ${watch.ledBy(node.id)}`)
        await sleep(50)
      }
      moves.push(movesRatio(before, watch.primaries(), nodes.length, `drain of ${node.id}`))
      fault(`drained ${node.id}`)
      await sleep(restMs)
      await cluster.admin(`/v1/cluster/nodes/${node.id}/undrain`, {})
      await sleep(restMs)
      await watch.redundant(
        healMaxMs,
        nodes.map(({ id }) => id),
      )
    }
    return () => greatestOf(moves)
  },
}
