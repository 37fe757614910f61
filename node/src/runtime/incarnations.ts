import type { Clock, Coordination, Log } from './ports.ts'
import { whileElecting } from './while-electing.ts'

/** The incarnation of each shard's log, as they are when a node starts. Rejects with `UNAVAILABLE`. */
export async function incarnationsOf(uses: {
  readonly log: Log
  readonly clock: Clock
  readonly coordination: Coordination
}): Promise<readonly number[]> {
  const numbers = Array.from({ length: uses.log.shards }, (_, shard) => shard)
  const extents = await Promise.all(
    numbers.map((shard) => whileElecting(uses, () => uses.log.extent(shard))),
  )
  return extents.map(({ incarnation }) => incarnation)
}
