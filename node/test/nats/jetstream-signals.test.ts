import { describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { JetStreamSignals } from '../../src/nats/jetstream-signals.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { signalsSuite } from '../suites/signals-suite.ts'
import { filesWith } from '../support/files-with.ts'
import { useServer } from './server.ts'

describe('with a real server', needs(realNatsServer), () => {
  const uses = useServer()

  signalsSuite(
    'signals on NATS',
    async () => {
      const nats = await uses.connect()
      await uses.removeStreams(nats)
      const open = () => JetStreamSignals.open(nats, 1, systemClock, Math.random)
      return { signals: await open(), another: open, close: () => nats.close() }
    },
    { can: ['another'] },
  )

  it('overwrites what is removed in its files', async () => {
    const nats = await uses.connect()
    const signals = await JetStreamSignals.open(nats, 1, systemClock, Math.random)
    await signals.publish(0, [{ id: 'f', text: 'a secret to forget' }])
    await vi.waitFor(() => expect(filesWith('a secret to forget', uses.storeDir)).toHaveLength(1), {
      timeout: 30_000,
    })

    await signals.remove((text) => text.includes('secret'))

    await vi.waitFor(() => expect(filesWith('a secret to forget', uses.storeDir)).toEqual([]), {
      timeout: 30_000,
    })
    await nats.close()
  })
})
