import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { subjects } from '@halfsecond/protocol'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type NatsServer, startNatsServer } from '../../../deploy/nats-server/run.ts'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { Nats } from '../../src/nats/connection.ts'
import { provisionStreams } from '../../src/nats/provision-streams.ts'
import { QuietObserver } from '../support/quiet-observer.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const shards = 8
const mebibyte = 2 ** 20

describe('streams on a server with 2 GB', needs(realNatsServer), () => {
  const folder = scratchFolder()
  let server: NatsServer | undefined
  let nats: Nats
  let manager: JetStreamManager

  beforeAll(async () => {
    const config = join(folder, 'small.conf')
    writeFileSync(config, 'jetstream { max_file_store: 2GB }\nmax_payload: 1MB\n')
    server = await startNatsServer({ storeDir: join(folder, 'nats'), config })
    nats = await Nats.connect(server.url, 'test', new QuietObserver())
    manager = await jetstreamManager(nats.connection)
  })
  afterAll(async () => {
    await nats.close()
    await server?.stop()
  })

  async function sizes(): Promise<number[]> {
    const infos = Array.from({ length: shards }, (_, i) => manager.streams.info(subjects.stream(i)))
    return (await Promise.all(infos)).map(({ config }) => config.max_bytes / mebibyte)
  }

  test('take equal halves of what a large disk would give, until all have room', async () => {
    const bytes = await provisionStreams(nats, { shards, replicas: 1, storageBytes: 2 ** 40 })
    const names: string[] = []
    for await (const name of manager.streams.names()) names.push(name)

    expect(bytes).toBe(64 * mebibyte)
    expect(await sizes()).toEqual(Array.from({ length: shards }, () => 64))
    expect(names.sort()).toEqual(Array.from({ length: shards }, (_, i) => subjects.stream(i)))
  })

  test('that are made later are as large as the others', async () => {
    await manager.streams.delete(subjects.stream(3))

    const bytes = await provisionStreams(nats, {
      shards,
      replicas: 1,
      storageBytes: 200 * mebibyte,
    })

    expect(bytes).toBe(64 * mebibyte)
    expect(await sizes()).toEqual(Array.from({ length: shards }, () => 64))
  })

  test('of many small disks take what these have', async () => {
    for (let i = 0; i < shards; i++) await manager.streams.delete(subjects.stream(i))

    const bytes = await provisionStreams(nats, {
      shards,
      replicas: 1,
      storageBytes: 200 * mebibyte,
    })

    expect(bytes).toBe(Math.floor((200 * mebibyte * 0.7) / shards))
  })
})
