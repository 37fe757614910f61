import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { JetStreamDecisions } from '../../src/nats/jetstream-decisions.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { decisionsSuite } from '../suites/decisions-suite.ts'
import { filesWith } from '../support/files-with.ts'
import { useServer } from './server.ts'

const mebibyte = 1024 ** 2
const options = { replicas: 1, storageBytes: 2 ** 30 }

describe('with a real server', needs(realNatsServer), () => {
  const uses = useServer()

  decisionsSuite(
    'decisions on NATS',
    async () => {
      const nats = await uses.connect()
      await uses.removeStreams(nats)
      const open = () => JetStreamDecisions.open(nats, options, systemClock, Math.random)
      return { decisions: await open(), another: open, close: () => nats.close() }
    },
    { now: Date.now, can: ['another'] },
  )

  it('keeps the stream that is there, however much room there is by now', async () => {
    const nats = await uses.connect()
    const storageBytes = 2 ** 31
    await JetStreamDecisions.open(nats, options, systemClock, Math.random)

    await JetStreamDecisions.open(nats, { ...options, storageBytes }, systemClock, Math.random)

    const manager = await jetstreamManager(nats.connection)
    const { config } = await manager.streams.info('HS-DECISION')
    expect(config.max_bytes).toBe(Math.floor(2 ** 30 / 10))
    await nats.close()
  })

  it('takes what there is room for, and is found again where nothing is left', async () => {
    const nats = await uses.connect()
    const manager = await jetstreamManager(nats.connection)
    await uses.removeStreams(nats)
    await manager.streams.add({ name: 'ROOM', max_bytes: 48 * mebibyte })
    for (let bytes = 2 ** 45; bytes >= mebibyte; bytes /= 2) {
      const fill = { name: `FILL-${bytes}`, max_bytes: bytes }
      await manager.streams.add(fill).catch(() => undefined)
    }
    await manager.streams.delete('ROOM')

    await JetStreamDecisions.open(nats, options, systemClock, Math.random)
    const { config } = await manager.streams.info('HS-DECISION')
    const decisions = await JetStreamDecisions.open(nats, options, systemClock, Math.random)

    expect(config.max_bytes).toBe(32 * mebibyte)
    await decisions.append(0, [Buffer.from('a')])
    await uses.removeStreams(nats)
    await nats.close()
  })

  it('overwrites what is removed in its files, and keeps the rest no longer than before', async () => {
    const nats = await uses.connect()
    const decisions = await JetStreamDecisions.open(nats, options, systemClock, Math.random)
    const entries = ['a secret to forget', 'what is kept'].map((text) => Buffer.from(text))
    await decisions.append(0, entries)
    await vi.waitFor(() => expect(filesWith('a secret to forget', uses.storeDir)).toHaveLength(1), {
      timeout: 30_000,
    })

    await decisions.remove((one) => Buffer.from(one).includes('secret'))

    await vi.waitFor(() => expect(filesWith('a secret to forget', uses.storeDir)).toEqual([]), {
      timeout: 30_000,
    })
    const manager = await jetstreamManager(nats.connection)
    const left = await manager.streams.getMessage('HS-DECISION', {
      last_by_subj: 'hs.decision.0.*',
    })
    const seconds = Number(left?.header.get('Nats-TTL').replace('s', ''))
    expect(seconds).toBeGreaterThan(30 * 86_400)
    expect(seconds).toBeLessThanOrEqual(30 * 86_400 + 3_600)
    await nats.close()
  })
})
