import { startCluster } from '../lib/cluster.ts'
import { runDriver } from '../lib/driver.ts'
import { flushed } from '../lib/flushed.ts'
import { type Run, visitors } from './run.ts'

const names = ['durable-events-per-second', 'loop-delay-p99']

/** From the first publish until the last event is folded and on the node's disk. */
export async function durableEvents({ figures, seconds, rate }: Run): Promise<void> {
  for (const distribution of ['uniform', 'zipf']) {
    await figures.take(names, async () => {
      const cluster = await startCluster()
      try {
        await cluster.metrics() // The loop delay counts from here.
        const url = cluster.nats.url
        const result = await runDriver('events', { url, seconds, rate, distribution, visitors })
        const metrics = await cluster.metrics()
        const flushedAt = await flushed(cluster, result)
        const perSecond =
          ((result.acknowledged ?? 0) * 1_000) / (flushedAt - (result.startedAt ?? 0))
        const conditions = { distribution, visitors, offered: rate, seconds }
        figures.add({
          figure: 'durable-events-per-second',
          value: perSecond,
          unit: '/s',
          atLeast: 100_000,
          with: { ...conditions, clientCpuSeconds: Math.round(result.cpuSeconds ?? 0) },
        })
        figures.add({
          figure: 'loop-delay-p99',
          value: (metrics.get('halfsecond_loop_delay_seconds{quantile="0.99"}') ?? 0) * 1_000,
          unit: 'ms',
          atMost: 10,
          with: conditions,
        })
      } finally {
        await cluster.stop()
      }
    })
  }
}
