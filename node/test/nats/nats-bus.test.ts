import { describe } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { NatsBus } from '../../src/nats/nats-bus.ts'
import { busSuite } from '../suites/bus-suite.ts'
import { Told, useServer } from './server.ts'

describe('with a real server', needs(realNatsServer), () => {
  const uses = useServer()

  busSuite(
    'the bus on NATS',
    async () => {
      const told = new Told()
      const nats = await uses.connect(told)
      const other = await uses.connect(told)
      return {
        bus: new NatsBus(nats),
        failures: told.failures,
        settled: () => nats.connection.flush(),
        another: () => Promise.resolve(new NatsBus(other)),
        close: async () => {
          await nats.close()
          await other.close()
        },
      }
    },
    { can: ['another'] },
  )
})
