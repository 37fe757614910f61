import type { ReplicaView } from './node-api.ts'
import type { Shard } from './shards/shard.ts'

/** The replicas of a node in the order of their shards. */
export function replicaViews(shards: readonly Shard[]): readonly ReplicaView[] {
  const inOrder = [...shards].sort((a, b) => a.number - b.number)
  return inOrder.map(({ number, status, state, flushed }) => ({
    shard: number,
    status,
    applied: state.applied,
    flushed,
    digest: state.digest.toString(),
  }))
}
