import { subjects } from '@halfsecond/protocol'
import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, test } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import type { Nats } from '../../src/nats/connection.ts'
import { JetStreamLog } from '../../src/nats/jetstream-log.ts'
import { provisionStreams } from '../../src/nats/provision-streams.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { logSuite } from '../suites/log-suite.ts'
import { filesWith } from '../support/files-with.ts'
import { RecordingFollower } from '../support/recording-follower.ts'
import { anon, batch, event, start } from '../support/records.ts'
import { Told, useServer } from './server.ts'

const storageBytes = 2 ** 30

describe('with a real server', needs(realNatsServer), () => {
  const uses = useServer()

  /** Streams are the server's: each log begins with new ones. */
  async function openLog(shards: number, told = new Told()) {
    const nats = await uses.connect(told)
    const manager = await jetstreamManager(nats.connection)
    await uses.removeStreams(nats)
    await provisionStreams(nats, { shards, replicas: 1, storageBytes })
    return { nats, manager, log: logOver(nats, shards, told) }
  }

  logSuite(
    'the JetStream log',
    async (shards) => {
      const { nats, manager, log } = await openLog(shards)
      let opened = log
      return {
        log,
        close: async () => {
          await opened.close()
          await nats.close()
        },
        reopen: async () => {
          await opened.close()
          opened = logOver(nats, shards, new Told())
          return opened
        },
        fill: async (shard) => {
          const { state } = await manager.streams.info(subjects.stream(shard))
          await manager.streams.update(subjects.stream(shard), { max_bytes: state.bytes + 1 })
        },
        recreate: async (shard) => {
          await uses.removeStreams(nats, [subjects.stream(shard)])
          await provisionStreams(nats, { shards, replicas: 1, storageBytes })
        },
      }
    },
    { can: ['reopen', 'fill', 'recreate'], confirmsByItself: true, saysHowFull: true },
  )

  test('a tail goes on by itself after the server was killed, without a gap or a repeat', async () => {
    const told = new Told()
    const { nats, log } = await openLog(2, told)
    const follower = await follow(log)
    for (let i = 1; i <= 20; i++) await log.append(0, batchNo(i), 'log')
    await follower.passed(20)

    await uses.server.stop('SIGKILL')
    await expect(log.append(0, batchNo(0), 'log')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await uses.server.start()
    await appendAgain(log, 21)
    let last = 0
    for (let i = 22; i <= 40; i++) last = await log.append(0, batchNo(i), 'log')
    await follower.passed(last)

    // What was not acknowledged may be there all the same, and once more.
    expect(last).toBeGreaterThanOrEqual(40)
    expect(follower.sequences).toEqual(Array.from({ length: last }, (_, i) => i + 1))
    expect(follower.ended).toBeUndefined()
    await log.close()
    await nats.close()
  })

  test('what was expunged is in no file: at once where nothing else is in the log, else behind more', async () => {
    const { nats, log } = await openLog(1)
    const marker = 'a-secret-of-somebody'
    const some = async () => {
      for (let i = 0; i < 50; i++) await log.append(0, Buffer.from(`${marker} ${i}`), 'log')
    }
    await some()
    await log.trim(0, 50)
    const trimmed = filesWith(marker, uses.storeDir)

    const all = await log.expunge(new Map([[0, 51]]))
    const emptied = filesWith(marker, uses.storeDir)
    await some()
    const kept = await log.append(0, Buffer.from('this stays'), 'log')
    const remaining = await log.expunge(new Map([[0, kept]]))
    const shared = filesWith(marker, uses.storeDir)
    let last = kept
    for (let bytes = 0; bytes < log.fileBytes; bytes += 200_000)
      last = await log.append(0, Buffer.alloc(200_000), 'own')
    await log.expunge(new Map([[0, last]]))

    expect([trimmed.length, shared.length]).toEqual([1, 1])
    expect([all, emptied]).toEqual([[], []])
    expect(remaining).toEqual([0])
    expect(filesWith(marker, uses.storeDir)).toEqual([])
    expect(await log.extent(0)).toMatchObject({ first: last, last })
    await log.close()
    await nats.close()
  })

  test('a tail whose consumer was deleted makes another', async () => {
    const { nats, manager, log } = await openLog(1)
    const follower = await follow(log)
    await log.append(0, batchNo(1), 'log')
    await follower.passed(1)

    for await (const { name } of manager.consumers.list(subjects.stream(0)))
      await manager.consumers.delete(subjects.stream(0), name)
    await log.append(0, batchNo(2), 'log')
    await follower.passed(2)

    expect(follower.sequences).toEqual([1, 2])
    await log.close()
    await nats.close()
  })

  test('a tail whose server says nothing for a while notices, and goes on after it', async () => {
    const { nats, log } = await openLog(1)
    const follower = await follow(log)
    await log.append(0, batchNo(1), 'log')
    await follower.passed(1)

    uses.server.pause()
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    uses.server.resume()
    await appendAgain(log, 2)
    await follower.until(() => follower.sequences.length >= 2)

    expect(follower.sequences).toEqual([...follower.sequences.keys()].map((i) => i + 1))
    await log.close()
    await nats.close()
  })

  test('a follower that is behind a stream made anew is told, not led on', async () => {
    const { nats, log } = await openLog(1)
    const follower = await follow(log)
    await log.append(0, batchNo(1), 'log')
    await follower.passed(1)

    await uses.removeStreams(nats, [subjects.stream(0)])
    await provisionStreams(nats, { shards: 1, replicas: 1, storageBytes })
    for (let i = 0; i < 5; i++) await log.append(0, batchNo(i), 'log')
    await follower.until(() => follower.ended !== undefined)

    expect(follower.ended).toBe('RECREATED')
    expect(follower.sequences).toEqual([1])
    await log.close()
    await nats.close()
  })

  test('streams are made once, with another number of shards never', async () => {
    const { nats, log } = await openLog(4)

    const again = await provisionStreams(nats, { shards: 4, replicas: 1, storageBytes })
    const other = provisionStreams(nats, { shards: 8, replicas: 1, storageBytes })

    expect(again).toBeGreaterThan(0)
    await expect(other).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('4 shards'),
    })
    await log.close()
    await nats.close()
  })

  test('streams keep their promise: durable, never dropped, no message deleted', async () => {
    const { nats, manager, log } = await openLog(1)

    const { config } = await manager.streams.info(subjects.stream(0))

    expect(config).toMatchObject({
      storage: 'file',
      retention: 'limits',
      discard: 'new',
      max_age: 0,
      deny_delete: true,
      allow_direct: true,
    })
    expect(config.max_bytes).toBeLessThanOrEqual(2 * 2 ** 30)
    await log.close()
    await nats.close()
  })

  test('a handler that throws is reported, and the connection reads on', async () => {
    const told = new Told()
    const nats = await uses.connect(told)
    const heard: string[] = []
    nats.listen('hs.test', (message) => {
      heard.push(message.string())
      if (heard.length === 1) throw new Error('a faulty handler')
    })

    nats.publish('hs.test', 'first')
    nats.publish('hs.test', 'second')
    await nats.connection.flush()

    expect(heard).toEqual(['first', 'second'])
    expect(told.failures).toEqual([expect.stringContaining('a faulty handler')])
    await nats.close()
  })

  test('a request that is under way fails at once when the connection breaks', async () => {
    const nats = await uses.connect()
    nats.listen('hs.silent', () => {})
    const started = performance.now()

    const asked = nats.request('hs.silent', '', 60_000)
    const failed = expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await uses.server.restart('SIGKILL')
    await failed

    expect(performance.now() - started).toBeLessThan(30_000)
    await nats.close()
  })
})

function logOver(nats: Nats, shards: number, told: Told): JetStreamLog {
  return new JetStreamLog(nats, nats, shards, systemClock, told.observer, Math.random)
}

async function follow(log: JetStreamLog): Promise<RecordingFollower> {
  const follower = new RecordingFollower()
  const { incarnation } = await log.extent(0)
  log.follow(0, { incarnation, applied: 0, fingerprint: '' }, follower)
  return follower
}

/** As a producer does: until it is acknowledged. */
async function appendAgain(log: JetStreamLog, i: number): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    try {
      await log.append(0, batchNo(i), 'log')
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  throw new Error('the log took nothing for twenty seconds')
}

function batchNo(i: number): Uint8Array {
  return batch('p', i + 1, [event(anon(1), `e${i}`, start + i, { i })])
}
