import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Webhook } from '../../src/runtime/delivery/webhook.ts'
import { FetchPostman } from '../../src/webhooks/fetch-postman.ts'

const secrets = [1, 2].map((byte) => `whsec_${Buffer.alloc(24, byte).toString('base64')}`)
const message = { id: '3.7.1', at: 1_760_000_000_500, text: '{"signal":"entered"}' }

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** Another system, on a port of its own. */
async function receiver(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Webhook> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const address: AddressInfo | string | null = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const url = `http://127.0.0.1:${port}/signals`
  return { name: 'crm', url, signals: null, segments: null, secrets, giveUpMs: 1 }
}

describe('what is sent to a webhook', () => {
  it('is the signal, signed with each secret as Standard Webhooks says', async () => {
    let body = ''
    let headers: IncomingMessage['headers'] = {}
    const webhook = await receiver((request, response) => {
      headers = request.headers
      request.setEncoding('utf8')
      request.on('data', (part: string) => {
        body += part
      })
      request.on('end', () => response.writeHead(204).end())
    })

    expect(await new FetchPostman().post(webhook, message)).toEqual({ kind: 'taken' })

    const signatures = [1, 2].map((byte) =>
      createHmac('sha256', Buffer.alloc(24, byte))
        .update(`3.7.1.1760000000.${message.text}`)
        .digest('base64'),
    )
    expect(body).toBe(message.text)
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': '3.7.1',
      'webhook-timestamp': '1760000000',
      'webhook-signature': signatures.map((one) => `v1,${one}`).join(' '),
    })
  })

  it.each([500, 404, 410])('is not taken where the answer is %i', async (status) => {
    const webhook = await receiver((_request, response) => response.writeHead(status).end('no'))

    expect(await new FetchPostman().post(webhook, message)).toEqual({
      kind: 'refused',
      reason: `it answers ${status}`,
    })
  })

  it('is not sent to where a redirect leads', async () => {
    let isFollowed = false
    const other = await receiver((_request, response) => {
      isFollowed = true
      response.writeHead(200).end()
    })
    const webhook = await receiver((_request, response) =>
      response.writeHead(307, { location: other.url }).end(),
    )

    expect(await new FetchPostman().post(webhook, message)).toEqual({
      kind: 'refused',
      reason: 'it answers 307',
    })
    expect(isFollowed).toBe(false)
  })

  it('is not taken where nobody answers in time', async () => {
    const webhook = await receiver(() => {})

    expect(await new FetchPostman({ timeoutMs: 50 }).post(webhook, message)).toEqual({
      kind: 'refused',
      reason: 'no answer within 50 ms',
    })
  })

  it('is taken by whoever answers without end: nobody reads that', async () => {
    const webhook = await receiver((_request, response) => {
      response.writeHead(200)
      const more = () => {
        if (!response.destroyed) response.write('x'.repeat(65_536), () => setImmediate(more))
      }
      more()
    })

    expect(await new FetchPostman().post(webhook, message)).toEqual({ kind: 'taken' })
  })

  it('is not taken where nobody listens', async () => {
    const webhook = await receiver(() => {})
    for (const close of closers.splice(0)) await close()

    expect(await new FetchPostman().post(webhook, message)).toEqual({
      kind: 'refused',
      reason: 'it cannot be reached: ECONNREFUSED',
    })
  })
})
