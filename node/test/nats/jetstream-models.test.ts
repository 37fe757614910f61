import { subjects } from '@halfsecond/protocol'
import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import type { Nats } from '../../src/nats/connection.ts'
import { JetStreamModels } from '../../src/nats/jetstream-models.ts'
import { modelsSuite } from '../suites/models-suite.ts'
import { useServer } from './server.ts'

const options = { replicas: 1, storageBytes: 2 ** 31 }

/**
 * Streams of earlier tests are gone: none is listed, and none answers, as one that was deleted may for
 * a moment. Else the first version would be refused as one that is there already.
 */
async function emptied(nats: Nats): Promise<void> {
  const manager = await jetstreamManager(nats.connection)
  for await (const name of manager.streams.names()) await manager.streams.delete(name)
  await expect(nats.request(subjects.model, '', 1_000)).rejects.toThrow('nobody answers')
}

describe('with a real server', needs(realNatsServer), () => {
  const uses = useServer()

  modelsSuite(
    'models on NATS',
    async () => {
      const nats = await uses.connect()
      await vi.waitFor(() => emptied(nats), 10_000)
      const open = () => JetStreamModels.open(nats, options)
      return { models: await open(), another: open, close: () => nats.close() }
    },
    { can: ['another'] },
  )

  it('keeps the stream that is there, however much room there is by now', async () => {
    const nats = await uses.connect()
    await JetStreamModels.open(nats, options)

    await JetStreamModels.open(nats, { ...options, storageBytes: 2 ** 33 })

    const manager = await jetstreamManager(nats.connection)
    const { config } = await manager.streams.info('HS-MODEL')
    expect(config.max_bytes).toBe(Math.floor(0.02 * 2 ** 31))
    await nats.close()
  })
})
