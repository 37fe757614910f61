import { connect } from 'node:net'
import { isFields } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { FakeNode } from './support/fake-node.ts'
import { sendRaw } from './support/raw-request.ts'
import { get, startServer } from './support/running-server.ts'

describe('HttpServer', () => {
  it('listens on two ports and tells which', async () => {
    const { port, adminPort } = await startServer(new FakeNode())

    expect(port).toBeGreaterThan(0)
    expect(adminPort).toBeGreaterThan(0)
    expect(adminPort).not.toBe(port)
  })

  it('says what to look for where a port is taken, and frees the other', async () => {
    const { port } = await startServer(new FakeNode())

    await expect(startServer(new FakeNode(), { adminPort: port })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('is another node running here?'),
    })
  })

  it('answers health on both ports', async () => {
    const node = new FakeNode()
    const { url, adminUrl } = await startServer(node)

    for (const base of [url, adminUrl]) {
      expect(await get(`${base}/health/live`)).toMatchObject({ status: 200, body: { live: true } })
      expect(await get(`${base}/health/ready`)).toMatchObject({
        status: 200,
        body: { ready: true, shards: { total: 4 } },
      })
    }
    node.isReady = false
    for (const base of [url, adminUrl]) {
      expect((await get(`${base}/health/live`)).status).toBe(200)
      expect(await get(`${base}/health/ready`)).toMatchObject({
        status: 503,
        body: { ready: false, problems: ['shard 2 is being recovered'] },
      })
    }
  })

  it('gives the shard map in either form', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)

    const map = await get(`${url}/v1/map`)

    expect(map.body).toEqual(node.map())
  })

  it('serves pages that load nothing from elsewhere', async () => {
    const { url } = await startServer(new FakeNode(), {
      pages: new Map([['/', '<h1>Hello</h1>']]),
    })

    const { status, headers, body } = await get(`${url}/`)

    expect(status).toBe(200)
    expect(body).toBe('<h1>Hello</h1>')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  it('observes requests by the pattern of their address', async () => {
    const { adminUrl, answered } = await startServer(new FakeNode())

    await get(`${adminUrl}/v1/profiles/anon:known`)
    await get(`${adminUrl}/secret-of-a-visitor`)

    expect(answered).toEqual(['/v1/profiles/:identifier 200', 'unknown 404'])
  })

  it('grants no other site access', async () => {
    const { url } = await startServer(new FakeNode())

    const { headers } = await get(`${url}/v1/map`, { origin: 'https://evil.example' })

    expect(headers.get('access-control-allow-origin')).toBeNull()
  })

  it('answers what is under way before it closes', async () => {
    const node = new FakeNode()
    const { promise, resolve } = Promise.withResolvers<Uint8Array>()
    const asked = Promise.withResolvers<void>()
    node.answerFrame = () => {
      asked.resolve()
      return promise
    }
    const { server, port } = await startServer(node)
    const answer = sendRaw(
      port,
      'POST /v1/decide HTTP/1.1\r\nhost: h\r\ncontent-type: application/msgpack\r\ncontent-length: 1\r\n\r\n\x00',
    )
    await asked.promise

    const closed = server.close()
    resolve(Buffer.from('done'))

    expect(await answer).toMatchObject({ status: 200, body: 'done' })
    await closed
    await expect(refused(port)).resolves.toBe('ECONNREFUSED')
  })
})

function refused(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve('connected'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
}

describe('the description of the doors', () => {
  it('is OpenAPI 3.1 and lists every address', async () => {
    const { url, adminUrl } = await startServer(new FakeNode())

    const forChannels = (await get(`${url}/openapi.json`)).body
    const forAdmins = (await get(`${adminUrl}/openapi.json`)).body

    expect(forChannels).toMatchObject({ openapi: '3.1.0', info: { version: '0.1.0' } })
    expect(pathsOf(forChannels)).toEqual([
      '/health/live',
      '/health/ready',
      '/v1/decide',
      '/v1/events',
      '/v1/landings',
      '/v1/map',
      '/v1/outcomes',
    ])
    expect(pathsOf(forAdmins)).toEqual([
      '/health/live',
      '/health/ready',
      '/metrics',
      '/v1/catalogue-pieces',
      '/v1/catalogue-pieces/{hash}',
      '/v1/catalogues/{name}',
      '/v1/cluster',
      '/v1/cluster/nodes/{node}/{action}',
      '/v1/cluster/rebalance/apply',
      '/v1/cluster/rebalance/cancel',
      '/v1/cluster/rebalance/plan',
      '/v1/cluster/shards/{shard}/move',
      '/v1/conflicts',
      '/v1/decisions',
      '/v1/decisions/verify',
      '/v1/erasures',
      '/v1/erasures/expunge',
      '/v1/erasures/{identifier}/{eraseId}',
      '/v1/experiments',
      '/v1/experiments/{name}',
      '/v1/export',
      '/v1/identity',
      '/v1/identity/apply',
      '/v1/identity/plan',
      '/v1/identity/revert',
      '/v1/map',
      '/v1/model',
      '/v1/models',
      '/v1/playbook',
      '/v1/playbook/defaults',
      '/v1/playbook/rollback',
      '/v1/playbook/versions',
      '/v1/playbook/versions/{version}',
      '/v1/profiles/split',
      '/v1/profiles/{identifier}',
      '/v1/profiles/{identifier}/audit',
      '/v1/profiles/{identifier}/conflicts',
      '/v1/profiles/{identifier}/export',
      '/v1/profiles/{identifier}/links',
      '/v1/profiles/{identifier}/timeline',
      '/v1/profiles/{identifier}/why',
      '/v1/signals',
      '/v1/status',
      '/v1/webhooks',
      '/v1/webhooks/{name}/dead',
      '/v1/webhooks/{name}/retry',
      '/v1/why',
    ])
  })

  it('is a page that needs no other host and no script', async () => {
    const { url } = await startServer(new FakeNode())

    const { type, body } = await get(`${url}/docs`)

    const page = String(body)
    expect(type).toContain('text/html')
    expect(page).toContain('<b>POST</b> /v1/decide')
    expect(page).toContain('<tr id="UNKNOWN_PLACEMENT">')
    expect(page).toContain('namespace:value')
    expect(page).not.toMatch(/https?:\/\/|<script/)
  })
})

function pathsOf(document: unknown): string[] {
  return isFields(document) && isFields(document.paths) ? Object.keys(document.paths).sort() : []
}
