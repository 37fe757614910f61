import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, startCluster } from '../lib/cluster.ts'
import { type Result, runDriver } from '../lib/driver.ts'
import { type Run, visitors } from './run.ts'

/** What is acknowledged must be on the node's own disk within this time. */
const flushMaxMs = 60_000

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

/** When the node had all acknowledged positions on disk, in milliseconds since 1970. */
async function flushed(cluster: Cluster, result: Result): Promise<number> {
  const wanted = Object.entries(result).flatMap(([name, sequence]) =>
    name.startsWith('shard ') ? [[name.slice(6), sequence] as const] : [],
  )
  for (const end = Date.now() + flushMaxMs; Date.now() < end; ) {
    const metrics = await cluster.metrics()
    const isFlushed = wanted.every(
      ([shard, sequence]) =>
        (metrics.get(`halfsecond_shard_flushed_sequence{shard="${shard}"}`) ?? 0) >= sequence,
    )
    if (isFlushed) return Date.now()
    await sleep(50)
  }
  throw new Error(`not everything was on disk ${flushMaxMs / 1_000} s after the last event`)
}
