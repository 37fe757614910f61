import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from './scenario.ts'

/** Kills are at least so far apart. */
const everyMs = 5_000
const healMaxMs = 60_000

/** kill -9 of a random node, which is started again at once, as soon as all shards are redundant. */
export const killNodes: Scenario = {
  about: 'kill -9 of a random node, started again at once',
  bounds: { decideP99: 150, decideP999: 500, defaultRatio: 0.001 },
  async run(stage) {
    const { cluster, seconds, fault } = stage
    const { nodes, watch } = cluster
    let kills = 0
    while (performance.now() < stage.until) {
      const node = nodes[Math.floor(Math.random() * nodes.length)]
      if (node === undefined) throw new Error('there are no nodes')
      const killedAt = performance.now()
      watch.lost(node.id)
      await node.stop('SIGKILL')
      kills++
      fault(`killed ${node.id}`)
      await node.start()
      await sleep(Math.max(0, killedAt + everyMs - performance.now()))
      await watch.redundant(
        healMaxMs,
        nodes.map(({ id }) => id),
      )
    }
    const atLeast = Math.max(1, Math.floor(seconds / 10))
    return () => [{ figure: 'kills', value: kills, unit: '', atLeast }]
  },
}
