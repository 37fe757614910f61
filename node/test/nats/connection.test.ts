import { describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { Nats } from '../../src/nats/connection.ts'
import { Told, useServer } from './server.ts'

describe('a connection to a real server', needs(realNatsServer), () => {
  const nats = useServer()

  it('says nothing of an orderly close', async () => {
    const told = new Told()
    const connection = await nats.connect(told)
    const states: boolean[] = []
    connection.watchState((isUp) => states.push(isUp))

    await connection.close()
    await vi.waitUntil(() => states.length > 0, 20_000)

    expect(states).toEqual([false])
    expect(told.notes).toEqual([])
  })

  it('says when the server is away, and when it is back', async () => {
    const told = new Told()
    const connection = await nats.connect(told)

    await nats.server.restart()
    await vi.waitUntil(() => told.notes.length === 2, 20_000)
    await connection.close()

    expect(told.notes).toEqual(['NATS is away: decides go on from memory', 'NATS is back'])
  })

  it('shows no password where there is no server', async () => {
    const connection = Nats.connect('nats://node:hidden@127.0.0.1:1', 'test', new Told().observer)

    await expect(connection).rejects.toThrow(
      'cannot connect to NATS at nats://127.0.0.1:1: is nats-server running there?',
    )
  })
})
