import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { get, post, postAs } from '../http/support/running-server.ts'
import { useServer } from '../nats/server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const playbook = `
playbook: shop
consent: { personalise: assumed }
events: { complaint: {} }
facts: { complaining: 'count("complaint", "30d") > 0' }
segments: [complaining]
placements: { home: { channel: web, format: banner, fallback: none } }
`

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const visitors = Array.from({ length: 400 }, (_, i) => `crm:v${i}`)
const keys = `k:${Buffer.alloc(32, 7).toString('base64')}`
const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
const waiting = { timeout: 30_000, interval: 50 }

/** What a webhook was sent, in order. */
const received: { readonly id: unknown; readonly profile: unknown }[] = []
const receiver = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (part: string) => {
    body += part
  })
  request.on('end', () => {
    const signal: unknown = JSON.parse(body)
    if (isFields(signal) && signal.signal === 'entered')
      received.push({ id: signal.id, profile: signal.profile })
    response.writeHead(204).end()
  })
})

describe('a cluster of which a node is killed', needs(realNatsServer), () => {
  const nats = useServer()
  const folder = scratchFolder()
  let killed: ChildProcess | undefined
  let node: RunningNode | undefined

  beforeAll(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    const address: AddressInfo | string | null = receiver.address()
    const port = typeof address === 'object' ? address?.port : 0
    const webhooks = join(folder, 'webhooks.yaml')
    writeFileSync(
      webhooks,
      `webhooks: { crm: { url: "http://127.0.0.1:${port}/", secret: ${secret} } }`,
    )
    const environment = {
      HALFSECOND_NATS_URL: nats.server.url,
      HALFSECOND_SHARDS: '4',
      HALFSECOND_TOKEN_KEYS: keys,
      HALFSECOND_WEBHOOKS: webhooks,
      HALFSECOND_PORT: '0',
      HALFSECOND_ADMIN_PORT: '0',
      HALFSECOND_LOG_LEVEL: 'silent',
    }
    const own = { HALFSECOND_NODE_ID: 'n1', HALFSECOND_DATA: join(folder, 'n1') }
    killed = spawn(process.execPath, [main, 'node'], {
      env: { ...environment, ...own },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    if (killed.stdout) await once(killed.stdout, 'data')
    const others = { HALFSECOND_NODE_ID: 'n2', HALFSECOND_DATA: join(folder, 'n2') }
    const { config } = readConfig({ ...environment, ...others })
    node = await startNode(config, { output: { write: () => {} } })
    await vi.waitFor(async () => {
      const { body } = await get(`${node?.adminUrl}/v1/cluster`)
      const all = isFields(body) && Array.isArray(body.nodes) ? body.nodes : []
      expect(all).toMatchObject([
        { id: 'n1', warming: 0 },
        { id: 'n2', warming: 0 },
      ])
      for (const { primaries, standbys } of all) expect(primaries + standbys).toBe(4)
    }, waiting)
    await postAs(`${node.adminUrl}/v1/playbook`, 'text/yaml', playbook)
  })

  afterAll(async () => {
    killed?.kill('SIGKILL')
    await node?.close()
    receiver.closeAllConnections()
    receiver.close()
  })

  it('tells of everybody that they entered a segment, and of nobody twice', async () => {
    for (const [i, key] of visitors.entries()) {
      if (i === visitors.length / 2) killed?.kill('SIGKILL')
      const records = [1, 2].map((n) => {
        return { kind: 'event', name: 'complaint', id: `${key}-${n}`, key, properties: {} }
      })
      const { status } = await post(`${node?.url}/v1/events`, { records })
      expect(status).toBe(200)
    }

    await vi.waitFor(async () => expect(await entered()).toHaveLength(visitors.length), waiting)
    expect((await entered()).sort()).toEqual(visitors.toSorted())
    // The webhook may hear one twice, with the same id, as another node delivers now.
    await vi.waitFor(
      () => expect(new Set(received.map(({ id }) => id)).size).toBe(visitors.length),
      waiting,
    )
    expect(new Set(received.map(({ profile }) => profile))).toEqual(new Set(visitors))
  }, 90_000)

  async function entered(): Promise<unknown[]> {
    const { body } = await get(`${node?.adminUrl}/v1/signals?after=0&limit=1000`)
    const all: unknown[] = isFields(body) && Array.isArray(body.signals) ? body.signals : []
    return all
      .filter(isFields)
      .filter(({ signal }) => signal === 'entered')
      .map(({ profile }) => profile)
  }
})
