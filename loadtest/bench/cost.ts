import { availableParallelism } from 'node:os'
import { type Cluster, startCluster } from '../lib/cluster.ts'
import { type Result, runDriver } from '../lib/driver.ts'
import { flushed } from '../lib/flushed.ts'
import type { Run } from './run.ts'

const names = ['cpu-per-decide']
const sizes = [10_000, 100_000, 1_000_000]

/** Processor time of the node for one decide, by how many visitors it holds. */
export async function cost({ figures, seconds, held }: Run): Promise<void> {
  await figures.take(names, async () => {
    const cluster = await startCluster()
    try {
      let from = 0
      for (const visitors of sizes.filter((size) => size <= held)) {
        const filled = await runDriver('fill', {
          url: cluster.nats.url,
          from,
          to: visitors,
          seconds: 300,
        })
        await flushed(cluster, filled)
        from = visitors
        await decide(cluster, visitors, 2) // Warms up.
        const before = await cpuSeconds(cluster)
        const run = await decide(cluster, visitors, seconds / 3)
        const decided = (run.perSecond ?? Number.NaN) * (seconds / 3)
        figures.add({
          figure: 'cpu-per-decide',
          value: (((await cpuSeconds(cluster)) - before) / decided) * 1e6,
          unit: 'µs',
          with: {
            visitors,
            concurrency: 256,
            perSecond: Math.round(run.perSecond ?? 0),
            cores: availableParallelism(),
          },
        })
      }
    } finally {
      await cluster.stop()
    }
  })
}

function decide(cluster: Cluster, visitors: number, seconds: number): Promise<Result> {
  const url = cluster.nats.url
  return runDriver('decides', { url, seconds, visitors, clients: 1, concurrency: 256 })
}

async function cpuSeconds(cluster: Cluster): Promise<number> {
  return (await cluster.metrics()).get('process_cpu_seconds_total') ?? Number.NaN
}
