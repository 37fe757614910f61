import { setTimeout as sleep } from 'node:timers/promises'
import { ownProgram } from '../lib/node-process.ts'
import { previousProgram } from './previous-version.ts'
import type { Scenario } from './scenario.ts'

const healMaxMs = 60_000

/**
 * One node after the other becomes one of the previous version, and one of this version again: both
 * are beside each other, forth and back.
 * @param revision the commit before this one where undefined
 */
export function upgrade(revision?: string): Scenario {
  return {
    about: 'one node after the other runs the previous commit, and then this one again',
    bounds: { decideP99: 100, decideP999: 500, defaultRatio: 0 },
    faultsLeast: 6,
    async run({ cluster, until, fault }) {
      const { nodes, watch } = cluster
      const previous = previousProgram(cluster.dir, revision)
      for (let round = 0; round === 0 || performance.now() < until; round++) {
        for (const [program, version] of [
          [previous, 'the previous version'],
          [ownProgram, 'this version'],
        ] as const) {
          for (const node of nodes) {
            await node.stop('SIGTERM')
            await node.start({}, program)
            fault(`${node.id} runs ${version}`)
            await sleep(1_000)
            await watch.redundant(
              healMaxMs,
              nodes.map(({ id }) => id),
            )
          }
        }
      }
      return () => []
    },
  }
}
