import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from './scenario.ts'

const healMaxMs = 60_000
const stopMaxMs = 30_000

/** SIGTERM of one node after the other, which is started again: a new version, or new settings. */
export const rolling: Scenario = {
  about: 'SIGTERM of one node after the other, started again each time',
  bounds: { decideP99: 100, decideP999: 500, defaultRatio: 0 },
  faultsLeast: 3,
  async run({ cluster, until, fault }) {
    const { nodes, watch } = cluster
    let slowestMs = 0
    for (let turn = 0; turn < nodes.length || performance.now() < until; turn++) {
      const node = nodes[turn % nodes.length]
      if (node === undefined) throw new Error('there are no nodes')
      const stoppedAt = performance.now()
      const code = await node.stop('SIGTERM')
      if (code !== 0) throw new Error(`${node.id} ended with ${code} on SIGTERM`)
      slowestMs = Math.max(slowestMs, performance.now() - stoppedAt)
      fault(`stopped ${node.id}`)
      await node.start()
      await sleep(1_000)
      await watch.redundant(
        healMaxMs,
        nodes.map(({ id }) => id),
      )
    }
    return () => [{ figure: 'stop-max', value: slowestMs, unit: 'ms', atMost: stopMaxMs }]
  },
}
