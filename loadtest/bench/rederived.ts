import { readFile } from 'node:fs/promises'
import { isFields } from '@halfsecond/protocol'
import { ChaosCluster } from '../chaos/cluster.ts'
import { publishPlaybook } from '../lib/cluster.ts'
import { runDriver } from '../lib/driver.ts'
import { readMetrics } from '../lib/metrics.ts'
import type { NodeProcess } from '../lib/node-process.ts'
import type { Run } from './run.ts'

const names = ['decisions-rederived']
const playbook = new URL('../playbook.yaml', import.meta.url)
const shards = 16

const wanted = 100_000

/** Few enough that each has a past of some pages when it is decided for. */
const visitors = 2_000

/** Each makes some ten thousand decisions. */
const roundsMax = 60

const logged = 'halfsecond_decision_log_decisions_total{result="logged"}'
const leftOut = 'halfsecond_decision_log_decisions_total{result="left_out"}'

/** Decisions of two nodes, made again by each of them after both were restarted. */
export async function rederived({ figures }: Run): Promise<void> {
  await figures.take(names, async () => {
    const cluster = await ChaosCluster.start({ shards, nodes: 2 })
    try {
      await publishPlaybook(cluster.adminUrl, await readFile(playbook, 'utf8'))
      const from = new Date().toISOString()
      const { url } = cluster.nats
      let made = 0
      let lost = 0
      for (let round = 0; round < roundsMax && made < wanted; round++) {
        const distribution = 'uniform'
        await runDriver('events', { url, seconds: 1, rate: 2_000, visitors, distribution })
        await runDriver('decides', { url, seconds: 2, clients: 1, concurrency: 64, visitors })
        made = await sumOf(cluster.nodes, logged)
        lost = await sumOf(cluster.nodes, leftOut)
      }
      for (const node of cluster.nodes) await node.stop('SIGTERM')
      await Promise.all(cluster.nodes.map((node) => node.start()))
      for (const node of cluster.nodes) {
        const began = performance.now()
        const verified = await cluster.admin(
          `/v1/decisions/verify?from=${from}`,
          undefined,
          node.adminUrl,
        )
        const { decisions, same, unknown, different } = isFields(verified) ? verified : {}
        if (same !== decisions)
          throw new Error(`some differ: ${JSON.stringify({ unknown, different })}`)
        figures.add({
          figure: 'decisions-rederived',
          value: Number(same),
          unit: '',
          atLeast: wanted,
          with: {
            scenario: `by ${node.id}`,
            nodes: cluster.nodes.length,
            notLogged: lost,
            perSecond: Math.round(Number(decisions) / ((performance.now() - began) / 1_000)),
          },
        })
      }
    } finally {
      await cluster.stop()
    }
  })
}

async function sumOf(nodes: readonly NodeProcess[], name: string): Promise<number> {
  let sum = 0
  for (const { adminUrl } of nodes) {
    const response = await fetch(`${adminUrl}/metrics`)
    sum += readMetrics(await response.text()).get(name) ?? 0
  }
  return sum
}
