import { describe, expect, it, onTestFinished } from 'vitest'
import { type Client, connectOver } from '../src/index.ts'
import { ScriptedTransport } from './support/scripted-transport.ts'

function start(): { transport: ScriptedTransport; client: Client } {
  const transport = new ScriptedTransport()
  const client = connectOver(transport)
  onTestFinished(() => client.close(0))
  return { transport, client }
}

describe('a visitor', () => {
  it('is keyed by the greatest of its identifiers', () => {
    const { client } = start()

    const visitor = client.visitor({ anon: 'a', user: 17, email: ' Ann@Example.org ' })

    expect(visitor.key).toBe('user:17')
    expect(visitor.known).toEqual(['anon:a', 'user:17', 'email:ann@example.org'])
  })

  it.each([
    [{}, 'INVALID'],
    [{ anon: undefined }, 'INVALID'],
    [{ anon: '' }, 'INVALID'],
    [{ user: 'undefined' }, 'INVALID'],
    [{ passport: 'x' }, 'UNKNOWN_NAMESPACE'],
  ])('cannot be %o', (identifiers, code) => {
    const { client } = start()

    expect(() => client.visitor(identifiers)).toThrow(expect.objectContaining({ code }))
  })

  it('cannot have a position that no server gave', () => {
    const { client } = start()

    expect(() => client.visitor({ anon: 'a' }, 'hs1.??')).toThrow(
      expect.objectContaining({ code: 'MALFORMED' }),
    )
  })

  it('links what it was known by to who logged in, and sets traits there', async () => {
    const { transport, client } = start()
    const visitor = client.visitor({ anon: 'a' })

    await visitor.identify({ user: 'u', email: 'a@example.org' }, { tier: 'gold', old: null })
    await visitor.track('page')

    expect(visitor.key).toBe('user:u')
    expect(transport.published.flatMap(({ names }) => names)).toEqual([
      'link',
      'link',
      'traits',
      'page',
    ])
  })

  it('hands its position to another server', async () => {
    const [here, there] = [start(), start()]
    const visitor = here.client.visitor({ anon: 'a' })
    await visitor.track('page')
    await visitor.decide('hero')

    const other = there.client.visitor({ anon: 'a' }, visitor.position)
    await other.decide('hero')

    expect(there.transport.asked[0]).toMatchObject([{ positions: [[0, 7, 1]] }])
    expect(other.position).toBe(visitor.position)
  })

  it('prefers its own newer position to one that it was given', async () => {
    const [here, there] = [start(), start()]
    there.transport.onPublish = () => 20
    const visitor = here.client.visitor({ anon: 'a' })
    await visitor.track('page')

    const other = there.client.visitor({ anon: 'a' }, visitor.position)
    await other.track('page')
    await other.decide('hero')

    expect(there.transport.asked[0]).toMatchObject([{ positions: [[0, 7, 20]] }])
  })

  it('is the device alone after a reset, which is recorded there', async () => {
    const { transport, client } = start()
    const visitor = client.visitor({ anon: 'a', user: 'u' })

    const position = await visitor.reset()
    await visitor.track('page')

    expect(visitor.known).toEqual(['anon:a'])
    expect(position).toMatchObject({ shard: 0 })
    expect(transport.published.flatMap(({ names }) => names)).toEqual(['logout', 'page'])
  })

  it('has nothing to reset without a device', async () => {
    const { transport, client } = start()
    const visitor = client.visitor({ phone: '+44 20 7946 0000' })

    const position = await visitor.reset()

    expect(position).toBeUndefined()
    expect(visitor.known).toEqual(['phone:+442079460000'])
    expect(transport.published).toEqual([])
  })
})
