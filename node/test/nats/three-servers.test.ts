import { join } from 'node:path'
import { subjects } from '@halfsecond/protocol'
import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, test, vi } from 'vitest'
import { startNatsCluster } from '../../../deploy/nats-server/cluster.ts'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { Nats } from '../../src/nats/connection.ts'
import { JetStreamLog } from '../../src/nats/jetstream-log.ts'
import { KvCoordination } from '../../src/nats/kv-coordination.ts'
import { provisionStreams } from '../../src/nats/provision-streams.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { RecordingFollower } from '../support/recording-follower.ts'
import { anon, batch, event, start } from '../support/records.ts'
import { scratchFolder } from '../support/scratch-folder.ts'
import { Told } from './server.ts'

const shards = 8
const everyMs = 50

/**
 * A cluster elects within so long, and then takes what it refused: a server waits for 4 to 9 s, and
 * again where two asked for votes at once.
 */
const electedMs = { timeout: 30_000, interval: 50 }

/** No election takes less: what pauses for less did not wait for one, nor tried again long after it. */
const electionMinMs = 4_000

describe('with three real servers', needs(realNatsServer), () => {
  const folder = scratchFolder()

  test('nodes start while they elect, and tails go on while one after the other is killed', async () => {
    const cluster = await startNatsCluster({ dir: join(folder, 'nats') })
    const nodes = await Promise.all([
      startNode(cluster.url),
      startNode(cluster.url),
      startNode(cluster.url),
    ])
    const [{ nats, log }] = nodes
    const lines = await Promise.all(Array.from({ length: shards }, (_, i) => lineOf(log, i)))
    await Promise.all(lines.map(({ follower }) => follower.passed(10)))

    const pauses: Pause[] = []
    for (const [i, server] of cluster.servers.entries()) {
      const leaders = await leadersOnceWhole(nats)
      await server.stop('SIGKILL')
      for (const line of lines) line.begin()
      await vi.waitUntil(() => lines.every((line) => line.goesOn), electedMs)
      for (const [shard, { appendMs, tailMs }] of lines.entries())
        pauses.push({ wasLed: leaders[shard] === `nats-${i + 1}`, appendMs, tailMs })
      await server.start()
    }
    await Promise.all(lines.map((line) => line.end()))
    const ledBehindMs = pauses
      .filter(({ wasLed }) => wasLed)
      .map(({ tailMs, appendMs }) => tailMs - appendMs)
    const otherTailMs = pauses.filter(({ wasLed }) => !wasLed).map(({ tailMs }) => tailMs)

    expect(ledBehindMs.length).toBeGreaterThan(0)
    expect(Math.max(...ledBehindMs)).toBeLessThan(electionMinMs)
    expect(otherTailMs.length).toBeGreaterThan(0)
    expect(Math.max(...otherTailMs)).toBeLessThan(electionMinMs)
    for (const { follower } of lines) {
      expect(follower.ended).toBeUndefined()
      expect(follower.sequences).toEqual(follower.sequences.map((_, i) => i + 1))
    }
    await Promise.all(nodes.map((node) => node.log.close()))
    await Promise.all(nodes.map((node) => node.nats.close()))
    await cluster.stop()
  }, 240_000)
})

interface Pause {
  /** By the server that was killed. */
  readonly wasLed: boolean
  readonly appendMs: number
  readonly tailMs: number
}

/** Appends to a shard and follows it, and how long either paused. */
class Line {
  readonly follower = new RecordingFollower()
  appendMs = 0
  tailMs = 0
  /** Sequence of the newest entry that was acknowledged. */
  last = 0
  private readonly log: JetStreamLog
  private readonly shard: number
  private ackedAt = performance.now()
  private passedAt = performance.now()
  private beganAt = 0
  /** Sequence of the first append that was made and acknowledged since. */
  private next = 0
  private isEnding = false
  private readonly ended: Promise<void>

  constructor(log: JetStreamLog, shard: number, incarnation: number) {
    this.log = log
    this.shard = shard
    this.follower.onEntry = () => {
      const now = performance.now()
      this.tailMs = Math.max(this.tailMs, now - this.passedAt)
      this.passedAt = now
    }
    log.follow(shard, { incarnation, applied: 0, fingerprint: '' }, this.follower)
    this.ended = this.append()
  }

  /** Pauses that end from now on are counted. */
  begin(): void {
    this.appendMs = 0
    this.tailMs = 0
    this.next = 0
    this.beganAt = performance.now()
  }

  /** Whether an entry was passed on that was appended since it began. */
  get goesOn(): boolean {
    return this.next > 0 && this.follower.entries.length >= this.next
  }

  async end(): Promise<void> {
    this.isEnding = true
    await this.ended
    await this.follower.passed(this.last)
  }

  private async append(): Promise<void> {
    for (let i = 0; !this.isEnding; i++) {
      const bytes = batch('p', i + 1, [event(anon(1), `e${i}`, start + i, { i })])
      const askedAt = performance.now()
      try {
        this.last = await this.log.append(this.shard, bytes, 'log')
        const now = performance.now()
        this.appendMs = Math.max(this.appendMs, now - this.ackedAt)
        this.ackedAt = now
        if (this.next === 0 && askedAt > this.beganAt) this.next = this.last
      } catch {
        // The stream has no leader now.
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }
}

async function lineOf(log: JetStreamLog, shard: number): Promise<Line> {
  const { incarnation } = await log.extent(shard)
  return new Line(log, shard, incarnation)
}

async function startNode(
  url: string,
): Promise<{ readonly nats: Nats; readonly log: JetStreamLog }> {
  const told = new Told()
  const nats = await Nats.connect(url, 'test', told.observer)
  await onceElected(() => provisionStreams(nats, { shards, replicas: 3, storageBytes: 2 ** 30 }))
  await onceElected(() => KvCoordination.open(nats, 3))
  return {
    nats,
    log: new JetStreamLog(nats, nats, shards, systemClock, told.observer, Math.random),
  }
}

async function onceElected<T>(run: () => Promise<T>): Promise<T> {
  const end = performance.now() + electedMs.timeout
  for (;;) {
    try {
      return await run()
    } catch (error) {
      if (performance.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

/** Names of the servers that lead the shards, once all servers have all streams. */
async function leadersOnceWhole(nats: Nats): Promise<readonly string[]> {
  const manager = await jetstreamManager(nats.connection, { checkAPI: false })
  const leaders: string[] = []
  for (let shard = 0; shard < shards; shard++) {
    leaders[shard] = await onceElected(async () => {
      const { cluster } = await manager.streams.info(subjects.stream(shard))
      const isWhole = cluster?.replicas?.every(
        ({ current, offline }) => current && offline !== true,
      )
      if (cluster?.leader === undefined || isWhole !== true) throw new Error('not whole yet')
      return cluster.leader
    })
  }
  return leaders
}
