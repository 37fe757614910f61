import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, it } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { JetStreamModels } from '../../src/nats/jetstream-models.ts'
import { modelsSuite } from '../suites/models-suite.ts'
import { useServer } from './server.ts'

const options = { replicas: 1, storageBytes: 2 ** 31 }

describe('with a real server', needs(realNatsServer), () => {
  const uses = useServer()

  modelsSuite(
    'models on NATS',
    async () => {
      const nats = await uses.connect()
      await uses.removeStreams(nats)
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
