import { describe } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { KvCoordination } from '../../src/nats/kv-coordination.ts'
import { coordinationSuite } from '../suites/coordination-suite.ts'
import { useServer } from './server.ts'

describe('with a real server', needs(realNatsServer), () => {
  const uses = useServer()

  coordinationSuite(
    'coordination on NATS',
    async () => {
      const nats = await uses.connect()
      await uses.removeStreams(nats)
      return {
        coordination: await KvCoordination.open(nats, 1),
        another: () => KvCoordination.open(nats, 1),
        close: () => nats.close(),
      }
    },
    { can: ['another'] },
  )
})
