import { describe } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { ErasedStream } from '../../src/nats/erased-stream.ts'
import { erasedSuite } from '../suites/erased-suite.ts'
import { useServer } from './server.ts'

describe('with a real server', needs(realNatsServer), () => {
  const uses = useServer()

  erasedSuite('what was erased, in a stream', async () => {
    const nats = await uses.connect()
    const erased = await ErasedStream.open(nats, 1)
    return {
      erased,
      close: async () => {
        await uses.removeStreams(nats)
        await nats.close()
      },
    }
  })
})
