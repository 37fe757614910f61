import { setTimeout as sleep } from 'node:timers/promises'
import { subjects } from '@halfsecond/protocol'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Scenario } from './scenario.ts'

const fullMs = 10_000
const healMaxMs = 60_000

/** Some logs take nothing more: decides go on with what clients carry, and nothing is lost after. */
export const logFull: Scenario = {
  about: 'a quarter of the logs are full for 10 s: decides go on',
  bounds: { decideP99: 150, decideP999: 500, defaultRatio: 0 },
  async run({ cluster, shards, until, fault }) {
    const { nats, watch, nodes } = cluster
    const connection = await connect({ servers: nats.url.split(',') })
    try {
      const manager = await jetstreamManager(connection)
      for (let turn = 0; turn === 0 || performance.now() < until; turn++) {
        const full = Array.from({ length: Math.ceil(shards / 4) }, (_, i) => i * 4)
        const room = new Map<number, number>()
        for (const shard of full) {
          const { config, state } = await manager.streams.info(subjects.stream(shard))
          room.set(shard, config.max_bytes)
          const bytes = Math.max(1, state.bytes)
          await manager.streams.update(subjects.stream(shard), { max_bytes: bytes })
        }
        fault(`filled ${full.length} logs`)
        await sleep(fullMs)
        for (const [shard, bytes] of room)
          await manager.streams.update(subjects.stream(shard), { max_bytes: bytes })
        await watch.redundant(
          healMaxMs,
          nodes.map(({ id }) => id),
        )
      }
    } finally {
      await connection.close()
    }
    return (load) => [
      {
        figure: 'ingest-pauses',
        value: Object.keys(load).filter((name) => name.startsWith('ingest ')).length,
        unit: '',
        atLeast: 1,
      },
    ]
  },
}
