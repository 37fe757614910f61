import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { decode, encode } from '@halfsecond/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect } from '../src/index.ts'
import { mapOf } from './support/scripted-transport.ts'

type Reply = readonly [status: number, body: string | Uint8Array]

/** A server that tells a map, and answers to events as scripted; then it acknowledges. */
async function start(script: readonly (Reply | ((publishes: number) => Reply | undefined))[]) {
  const bodies: Uint8Array[] = []
  const urls: string[] = []
  const left = [...script]
  const answer = async (request: IncomingMessage): Promise<Reply> => {
    if (request.url === '/v1/map') return [200, encode(mapOf(1))]
    const body = await buffer(request)
    bodies.push(body)
    urls.push(request.url ?? '')
    const publishes: unknown = decode(body)
    const count = Array.isArray(publishes) ? publishes.length : 0
    const acknowledged = Array.from({ length: count }, () => ({ sequence: bodies.length }))
    const next = left[0]
    const reply = typeof next === 'function' ? next(body.length) : left.shift()
    return Array.isArray(reply) ? [reply[0], reply[1]] : [200, encode(acknowledged)]
  }
  const server = createServer(async (request, response) => {
    const [status, body] = await answer(request)
    response.writeHead(status).end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const client = connect(`http://127.0.0.1:${port}/`)
  onTestFinished(async () => {
    await client.close(100)
    server.closeAllConnections()
    server.close()
  })
  return { client, bodies, urls }
}

describe('a question over HTTP', () => {
  it('says which node it is for, as the address may lead to another', async () => {
    const { client, urls } = await start([])
    await client.ready()

    await client.visitor({ anon: 'a' }).decide('hero')

    expect(urls).toEqual(['/v1/decide?node=n1'])
  })
})

describe('a client behind a proxy', () => {
  it.each([
    [404, '<h1>Not found</h1>'],
    [403, ''],
    [429, 'slow down'],
    [502, '<h1>Bad gateway</h1>'],
    [200, '<h1>Please log in</h1>'],
    [200, encode({ ok: true })],
    [200, encode([])],
  ] as const)('keeps its records where that answers %d, %j', async (status, body) => {
    const { client, bodies } = await start([[status, body]])

    const position = await client.visitor({ anon: 'a' }).track('page')

    expect(position?.sequence).toBe(2)
    expect(bodies).toHaveLength(2)
    expect(client.stats()).toMatchObject({ acknowledged: 1, retries: 1, dropped: {} })
  })

  it('sends smaller batches where that takes no large ones', async () => {
    const { client, bodies } = await start([
      (bytes) => (bytes > 8_192 ? [413, '<h1>Too large</h1>'] : undefined),
    ])
    const visitor = client.visitor({ anon: 'a' })
    await client.ready()

    await Promise.all(
      Array.from({ length: 20 }, () => visitor.track('page', { text: 'x'.repeat(1_000) })),
    )

    expect(bodies.length).toBeGreaterThan(3)
    expect(client.stats()).toMatchObject({ acknowledged: 20, dropped: {} })
  })

  it('loses only the record that a node refuses', async () => {
    const refusal = { error: { code: 'INVALID', message: 'no' } }
    const { client } = await start([[200, encode([refusal])]])

    const refused = client.visitor({ anon: 'a' }).track('page')

    await expect(refused).rejects.toMatchObject({ code: 'INVALID', message: 'no' })
  })
})
