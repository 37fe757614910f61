import { HalfsecondError } from '@halfsecond/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Client, type ClientOptions, connectOver } from '../src/index.ts'
import { never, readBatch, ScriptedTransport } from './support/scripted-transport.ts'

function start(options: ClientOptions = { channel: 'call' }): {
  transport: ScriptedTransport
  client: Client
} {
  const transport = new ScriptedTransport()
  const client = connectOver(transport, options)
  onTestFinished(() => client.close(0))
  return { transport, client }
}

const answer = { kind: 'profile', freshness: 'fresh', position: [0, 7, 1] }

describe('the profile of a visitor', () => {
  it('says what is known, since when and from where, for the channel that asks', async () => {
    const { transport, client } = start()
    const tier = { value: 'gold', at: 5, source: 'crm' }
    transport.onRead = () => ({ ...answer, traits: { tier } })

    const profile = await client.visitor({ phone: '+4420' }).profile(['tier', 'manager'])

    expect(profile).toEqual({ traits: { tier }, freshness: 'fresh' })
    expect(transport.read).toMatchObject([
      { identifiers: ['phone:+4420'], channel: 'call', traits: ['tier', 'manager'] },
    ])
  })

  it('brings what is not acknowledged yet', async () => {
    const { transport, client } = start()
    await client.ready()
    transport.onPublish = () => never()
    transport.onRead = () => ({ ...answer, traits: {} })
    const visitor = client.visitor({ anon: 'a' })

    void visitor.identify({ user: 'u' }, { tier: 'gold' })
    await visitor.profile(['tier'])

    const pending = transport.read[0]?.pending.map((batch) => readBatch(batch).names)
    expect(pending).toEqual([['link'], ['traits']])
  })

  it('is refused as the playbook says', async () => {
    const { transport, client } = start()
    const error = { code: 'FORBIDDEN', message: 'the playbook lets call read no salary' }
    transport.onRead = () => ({ kind: 'error', error })

    const read = client.visitor({ anon: 'a' }).profile(['salary'])

    await expect(read).rejects.toMatchObject(error)
  })

  it('is refused to a client of no channel, which asks nobody', async () => {
    const { transport, client } = start({})

    const read = client.visitor({ anon: 'a' }).profile(['tier'])

    await expect(read).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(transport.read).toEqual([])
  })

  it.each([[[]], [Array.from({ length: 257 }, (_, i) => `t${i}`)]])(
    'cannot be asked for %j',
    async (names) => {
      const { client } = start()

      await expect(client.visitor({ anon: 'a' }).profile(names)).rejects.toMatchObject({
        code: 'INVALID',
      })
    },
  )

  it('is not waited for beyond the deadline', async () => {
    const { client } = start({ channel: 'call', deadlineMs: 2_000 })
    const startedAt = performance.now()

    const read = client.visitor({ anon: 'a' }).profile(['tier'], { deadlineMs: 50 })

    await expect(read).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(performance.now() - startedAt).toBeLessThan(1_500)
  })

  it('is unavailable where nobody answers', async () => {
    const { transport, client } = start()
    transport.onRead = () => Promise.reject(new HalfsecondError('UNAVAILABLE', 'nobody there'))

    const read = client.visitor({ anon: 'a' }).profile(['tier'], { deadlineMs: 50 })

    await expect(read).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('is none where the answer is to another question', async () => {
    const { transport, client } = start()
    transport.onRead = () => ({ kind: 'reached', position: [0, 7, 1] })

    const read = client.visitor({ anon: 'a' }).profile(['tier'], { deadlineMs: 50 })

    await expect(read).rejects.toMatchObject({ code: 'MALFORMED' })
  })
})
