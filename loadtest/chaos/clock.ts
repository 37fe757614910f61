import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from './scenario.ts'

const jumpedMs = 8_000
const healMaxMs = 60_000
const hourMs = 3_600_000

const preload = new URL('../lib/shifted-clock.ts', import.meta.url)

/** The wall clock of one node jumps an hour forward, another one's an hour back. */
export const clock: Scenario = {
  about: "one node's wall clock jumps an hour forward, another one's an hour back, and then again",
  bounds: { decideP99: 100, decideP999: 500, defaultRatio: 0 },
  faultsLeast: 2,
  cluster: {
    node: (place) => ({
      execArgv: ['--import', preload.href],
      env: { CLOCK_SHIFT_MS: String(place === 0 ? hourMs : -hourMs) },
    }),
  },
  async run({ cluster, until, fault }) {
    const { nodes, watch } = cluster
    const jumping = nodes.slice(0, 2)
    for (let turn = 0; turn === 0 || performance.now() < until; turn++) {
      for (const node of jumping) {
        process.kill(node.pid, 'SIGUSR2')
        fault(`the clock of ${node.id} jumped`)
        await sleep(jumpedMs)
      }
      for (const node of jumping) process.kill(node.pid, 'SIGUSR2')
      await sleep(jumpedMs)
      await watch.redundant(
        healMaxMs,
        nodes.map(({ id }) => id),
      )
    }
    return () => []
  },
}
