import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { ChaosCluster } from '../chaos/cluster.ts'
import { publishPlaybook } from '../lib/cluster.ts'
import { runDriver } from '../lib/driver.ts'
import { type Run, visitors } from './run.ts'

const names = ['decides-per-second-by-nodes']
const shards = 64
const playbook = new URL('../playbook.yaml', import.meta.url)

/**
 * Decides a second with one, two and three nodes on three nats-servers. All of them, and the load,
 * share the cores of this machine: more nodes do not make it faster, so this tells what sharing costs.
 */
export async function nodes({ figures, seconds }: Run): Promise<void> {
  for (const count of [1, 2, 3]) {
    await figures.take(names, async () => {
      const cluster = await ChaosCluster.start({ shards, nodes: count })
      try {
        await publishPlaybook(cluster.adminUrl, await readFile(playbook, 'utf8'))
        const run = await runDriver('decides', {
          url: cluster.nats.url,
          seconds: seconds / 3,
          visitors,
          clients: 1,
          concurrency: 1_024,
        })
        figures.add({
          figure: 'decides-per-second-by-nodes',
          value: run.perSecond ?? null,
          unit: '/s',
          with: {
            nodes: count,
            natsServers: 3,
            cores: availableParallelism(),
            concurrency: 1_024,
            p99: `${(run.p99 ?? 0).toFixed(1)} ms`,
            unanswered: run.wrong ?? 0,
          },
        })
      } finally {
        await cluster.stop()
      }
    })
  }
}
