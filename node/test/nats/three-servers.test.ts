import { join } from 'node:path'
import { subjects } from '@halfsecond/protocol'
import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, test } from 'vitest'
import { type NatsCluster, startNatsCluster } from '../../../deploy/nats-server/cluster.ts'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { Nats } from '../../src/nats/connection.ts'
import { JetStreamLog } from '../../src/nats/jetstream-log.ts'
import { provisionStreams } from '../../src/nats/provision-streams.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { RecordingFollower } from '../support/recording-follower.ts'
import { anon, batch, event, start } from '../support/records.ts'
import { scratchFolder } from '../support/scratch-folder.ts'
import { Told } from './server.ts'

const shards = 8
const everyMs = 50

describe('with three real servers', needs(realNatsServer), () => {
  const folder = scratchFolder()

  test('when one is killed, tails of the others’ streams go on within 2 s, and all within 12 s', async () => {
    const cluster = await startNatsCluster({ dir: join(folder, 'nats') })
    const told = new Told()
    const nats = await Nats.connect(cluster.url, 'test', told.observer)
    await electing(() => provisionStreams(nats, { shards, replicas: 3, storageBytes: 2 ** 30 }))
    const log = new JetStreamLog(nats, shards, systemClock, told.observer, Math.random)
    const led = await leaders(nats)
    const tails = await Promise.all(
      Array.from({ length: shards }, (_, shard) => tailOf(log, shard)),
    )
    const writers = Array.from({ length: shards }, (_, shard) => new Writer(log, shard))
    for (const writer of writers) void writer.run()
    await Promise.all(tails.map(({ follower }) => follower.passed(20)))

    const victim = victimOf(cluster, led)
    await cluster.servers[victim]?.stop('SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 14_000))
    await cluster.servers[victim]?.start()
    await Promise.all(writers.map((writer) => writer.stop()))
    await Promise.all(
      tails.map(({ follower }, shard) =>
        follower.until(() => follower.sequences.at(-1) === writers[shard]?.last),
      ),
    )

    const dead = `nats-${victim + 1}`
    for (const [shard, { follower, pauses }] of tails.entries()) {
      const { sequences } = follower
      expect(sequences).toEqual(sequences.map((_, i) => i + 1))
      const most = led[shard] === dead ? 12_000 : 2_000
      expect(Math.max(...pauses), `shard ${shard}, led by ${led[shard]}`).toBeLessThan(most)
    }
    expect(led).toContain(dead)
    expect(led.some((name) => name !== dead)).toBe(true)
    await log.close()
    await nats.close()
    await cluster.stop()
  }, 90_000)
})

/** Appends again and again, each batch until it is acknowledged. */
class Writer {
  last = 0
  private readonly log: JetStreamLog
  private readonly shard: number
  private isStopping = false
  private ended = Promise.resolve()

  constructor(log: JetStreamLog, shard: number) {
    this.log = log
    this.shard = shard
  }

  run(): Promise<void> {
    this.ended = this.write()
    return this.ended
  }

  stop(): Promise<void> {
    this.isStopping = true
    return this.ended
  }

  private async write(): Promise<void> {
    for (let i = 0; !this.isStopping; ) {
      const bytes = batch('p', i + 1, [event(anon(1), `e${i}`, start + i, { i })])
      try {
        this.last = await this.log.append(this.shard, bytes, 'log')
        i++
      } catch {
        // Its leader is gone: another is elected.
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }
}

async function tailOf(
  log: JetStreamLog,
  shard: number,
): Promise<{ readonly follower: RecordingFollower; readonly pauses: number[] }> {
  const follower = new RecordingFollower()
  const pauses: number[] = [0]
  let before = performance.now()
  follower.onEntry = () => {
    const now = performance.now()
    pauses.push(now - before)
    before = now
  }
  const { incarnation } = await log.extent(shard)
  log.follow(shard, { incarnation, applied: 0, fingerprint: '' }, follower)
  return { follower, pauses }
}

async function electing<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt === 60) throw error
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}

/** Names of the servers that lead the shards. */
async function leaders(nats: Nats): Promise<string[]> {
  const manager = await jetstreamManager(nats.connection, { checkAPI: false })
  const infos = Array.from({ length: shards }, async (_, shard) => {
    const { cluster } = await manager.streams.info(subjects.stream(shard))
    return cluster?.leader ?? ''
  })
  return Promise.all(infos)
}

/** A server that leads some streams, but not all. */
function victimOf(cluster: NatsCluster, led: readonly string[]): number {
  return cluster.servers.findIndex((_, i) => {
    const count = led.filter((name) => name === `nats-${i + 1}`).length
    return count > 0 && count < led.length
  })
}
