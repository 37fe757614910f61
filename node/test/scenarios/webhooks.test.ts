import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import { readWebhooks, webhooksSchema } from '../../src/webhooks/read-webhooks.ts'
import { execute } from '../cli/support/command.ts'
import { post } from '../http/support/running-server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const page = readFileSync(new URL('../../../docs/segments.md', import.meta.url), 'utf8')
const folder = scratchFolder()
const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`

function blocks(language: string): readonly string[] {
  const fence = '`'.repeat(3)
  return page
    .split(`${fence}${language}\n`)
    .slice(1)
    .map((rest) => rest.split(fence)[0] ?? '')
}

interface Request {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Another system: what it was sent, and the status that it answers. */
const requests: Request[] = []
let status = 200
let url = ''
const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (part: string) => {
    body += part
  })
  request.on('end', () => {
    requests.push({ headers: request.headers, body })
    response.writeHead(status).end()
  })
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/halfsecond`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

function start(): Promise<RunningNode> {
  const path = join(folder, 'webhooks.yaml')
  writeFileSync(path, (blocks('yaml')[1] ?? '').replace('https://mail.example/halfsecond', url))
  const dataDir = join(folder, 'node')
  const flags = { port: '0', adminPort: '0', logLevel: 'silent', shards: '4', dataDir }
  const environment = {
    HALFSECOND_WEBHOOKS: path,
    HALFSECOND_WEBHOOK_SECRETS: `mailing:${secret}`,
  }
  return startNode(readConfig(environment, flags).config, { output: { write: () => {} } })
}

let told = 0

async function tell(node: RunningNode, ...records: readonly object[]): Promise<void> {
  const numbered = records.map((record) => ({ ...record, id: `r${told++}` }))
  const { status: answered } = await post(`${node.url}/v1/events`, { records: numbered })
  expect(answered).toBe(200)
}

function event(key: string, name: string): object {
  return { kind: 'event', key, name, properties: {} }
}

/** What was sent, as `profile signal`. */
function heard(): string[] {
  return requests.map(({ body }) => {
    const signal: unknown = JSON.parse(body)
    return isFields(signal) ? `${signal.profile} ${signal.signal}` : body
  })
}

const waiting = { timeout: 15_000, interval: 20 }

it('a webhook hears of segments and triggers, signed, and after a restart what it did not take', async () => {
  const verifier: unknown = await import(pathToFileURL(verifierFile()).href)
  const verify = isFields(verifier) ? verifier.verify : undefined
  if (typeof verify !== 'function') throw new TypeError('the page exports a function')
  let node = await start()
  try {
    await node.api.publishPlaybook(
      (blocks('yaml')[0] ?? '').replace('shop', 'shop\nconsent: { personalise: assumed }'),
    )
    await vi.waitFor(async () => {
      expect(await node.api.webhooks.list()).toMatchObject([{ since: expect.any(Number) }])
      expect((await node.api.webhooks.list())[0]?.since).toBeGreaterThan(0)
    }, waiting)
    await tell(
      node,
      { kind: 'traits', key: 'crm:991', set: { manager: 'Maya' }, unset: [] },
      event('crm:991', 'complaint'),
    )
    await vi.waitFor(
      () => expect(heard()).toEqual(['crm:991 entered', 'crm:991 decision']),
      waiting,
    )
    for (const { headers, body } of requests) {
      expect(verify(headers, body, secret)).toEqual(JSON.parse(body))
      expect(() => verify(headers, `${body} `, secret)).toThrow('not from our halfsecond')
    }
    expect(JSON.parse(requests[1]?.body ?? '')).toMatchObject({
      placement: 'email.top',
      content: { title: 'Maya will put it right' },
    })

    status = 503
    await tell(node, event('crm:991', 'complaint_solved'), event('crm:7', 'complaint'))
    await vi.waitFor(() => expect(requests.length).toBeGreaterThan(2), waiting)
    await node.close()
    requests.length = 0
    status = 200
    node = await start()
    await vi.waitFor(
      () => expect(heard().toSorted()).toEqual(['crm:7 entered', 'crm:991 left']),
      waiting,
    )
    const env = { HALFSECOND_ADMIN_URL: node.adminUrl }
    // It was heard before the node heard that it was.
    await vi.waitFor(async () => {
      const { output } = await execute(['webhooks', 'ls'], { env })
      expect(output).toMatch(/mailing +4 +0 +well/)
    }, waiting)
    expect(await execute(['webhooks', 'dead', 'mailing'], { env })).toMatchObject({ output: '' })
    expect(await execute(['webhooks', 'retry', 'mail'], { env })).toMatchObject({ code: 1 })
  } finally {
    await node.close()
  }
})

function verifierFile(): string {
  const path = join(folder, 'verify.mjs')
  writeFileSync(path, blocks('js')[0] ?? '')
  return path
}

it('what the page shows is good', async () => {
  const [playbook = '', file = ''] = blocks('yaml')

  expect(compilePlaybook(playbook).segments.map(({ name }) => name)).toEqual([
    'complaining',
    'asleep',
  ])
  expect(readWebhooks(file, new Map([['mailing', [secret]]]))).toHaveLength(1)
  for (const [, command = ''] of page.matchAll(/^npx halfsecond (webhooks \w+)/gm))
    expect(await execute([...command.split(' '), '--help'])).toMatchObject({ code: 0 })
  const keys = Object.keys(
    Object(webhooksSchema).properties.webhooks.additionalProperties.properties,
  )
  expect(keys.filter((key) => !new RegExp(`\`?${key}\\b`).test(page))).toEqual([])
})
