import { subjects } from '@halfsecond/protocol'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

/** By the name of each nats-server: shards whose streams it leads now. */
export async function streamLeaders(
  url: string,
  shards: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const connection = await connect({ servers: url.split(','), noAsyncTraces: true })
  try {
    const manager = await jetstreamManager(connection)
    const leaders = new Map<string, number[]>()
    for (let shard = 0; shard < shards; shard++) {
      const { cluster } = await manager.streams.info(subjects.stream(shard))
      const leader = cluster?.leader ?? ''
      leaders.set(leader, [...(leaders.get(leader) ?? []), shard])
    }
    return leaders
  } finally {
    await connection.close()
  }
}
