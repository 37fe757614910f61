import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from './scenario.ts'

const pausedMs = 10_000
const healMaxMs = 60_000

/** SIGSTOP of one node after the other for ten seconds: it is silent, but its connections stay. */
export const pause: Scenario = {
  about: 'SIGSTOP of a node for 10 s, then it goes on',
  bounds: { decideP99: 150, decideP999: 500, defaultRatio: 0.001 },
  async run({ cluster, until, fault }) {
    const { nodes, watch } = cluster
    const ids = nodes.map(({ id }) => id)
    for (let turn = 0; turn === 0 || performance.now() < until; turn++) {
      const node = nodes[turn % nodes.length]
      if (node === undefined) throw new Error('there are no nodes')
      watch.lost(node.id)
      node.pause()
      await sleep(pausedMs)
      const others = watch.primaries().filter((one) => one === node.id)
      if (others.length > 0)
        throw new Error(`${node.id} leads ${others.length} shards by the map after its pause`)
      node.resume()
      fault(`paused ${node.id} for ${pausedMs / 1_000} s`)
      await watch.redundant(healMaxMs, ids)
    }
    return () => []
  },
}
