import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import type { Result } from './driver.ts'

/** What is acknowledged must be on the node's own disk within this time. */
const flushMaxMs = 60_000

/** The last acknowledged positions, as a driver sends them back. */
export function positionsIn(positions: ReadonlyMap<number, number>): Result {
  return Object.fromEntries(
    [...positions].map(([shard, sequence]) => [`shard ${shard}`, sequence] as const),
  )
}

/** When the node had a driver's positions on disk, in milliseconds since 1970. */
export async function flushed(cluster: Cluster, result: Result): Promise<number> {
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
