import { jetstreamManager } from '@nats-io/jetstream'
import { describe } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { JetStreamSignals } from '../../src/nats/jetstream-signals.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { signalsSuite } from '../suites/signals-suite.ts'
import { useServer } from './server.ts'

describe('with a real server', needs(realNatsServer), () => {
  const uses = useServer()

  signalsSuite(
    'signals on NATS',
    async () => {
      const nats = await uses.connect()
      const manager = await jetstreamManager(nats.connection)
      for await (const name of manager.streams.names()) await manager.streams.delete(name)
      const open = () => JetStreamSignals.open(nats, 1, systemClock, Math.random)
      return { signals: await open(), another: open, close: () => nats.close() }
    },
    { can: ['another'] },
  )
})
