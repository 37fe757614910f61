import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { useServer } from '../nats/server.ts'
import { filesWith } from '../support/files-with.ts'
import { scratchFolder } from '../support/scratch-folder.ts'
import { get, post, postAs } from './support/running-server.ts'

const playbook = `
playbook: shop
consent: { personalise: assumed }
events:
  page: { path: string }
placements:
  home: { channel: web, format: banner, fallback: { title: Welcome } }
offers:
  tour:
    when: count("page", "30d") > 0
    treatments:
      banner: { title: Have a look }
`

/** What takes milliseconds on an idle machine. */
const waitedMs = 20_000

/** Files are rewritten and synced meanwhile. */
const expungedMs = 60_000

/** In every identifier, and in all that happens: nothing else has it. */
const marker = 'q7secret'
const person = [`crm:${marker}-991`, `anon:${marker}-web`, `anon:${marker}-agent`]
const [crm = '', web = '', agent = ''] = person

/** When it all happened: sent again, it still says so. */
const at = Date.now() - 60_000

/** What a web shop and a call centre record of one person, and of a neighbour. */
function history(): object[] {
  const page = (key: string, n: number) => ({
    kind: 'event',
    name: 'page',
    id: `${key}-${n}`,
    key,
    at,
    properties: { path: `/${marker}/${n}` },
  })
  const link = (key: string) => ({
    kind: 'link',
    id: `${key}-l`,
    key,
    at,
    to: crm,
    strength: 'authenticated',
  })
  return [
    ...person.flatMap((key) => Array.from({ length: 90 }, (_, n) => page(key, n))),
    link(web),
    link(agent),
    // An unproven address joins nobody, and keeps whom it was said to be.
    { ...link('email:neighbour@example.org'), strength: 'asserted' },
    { kind: 'traits', id: 'crm-t', key: crm, at, set: { name: marker } },
    { kind: 'consent', id: 'web-c', key: web, at, purpose: 'mail', granted: true },
    { ...page('anon:neighbour', 1), properties: { path: '/neighbour' } },
  ]
}

async function record(url: string, records: readonly object[]): Promise<void> {
  const { status, body } = await post(`${url}/v1/events`, { records })
  expect([status, body]).toMatchObject([200, {}])
}

function fieldsOf(value: unknown): { readonly [name: string]: unknown } {
  return isFields(value) ? value : {}
}

async function membersOf(adminUrl: string, identifier: string): Promise<unknown> {
  const { body } = await get(`${adminUrl}/v1/profiles/${identifier}`)
  return fieldsOf(body).identifiers
}

async function receiptOf(adminUrl: string, eraseId: string) {
  const { body } = await get(`${adminUrl}/v1/erasures/${encodeURIComponent(crm)}/${eraseId}`)
  return fieldsOf(body)
}

async function expunged(adminUrl: string): Promise<void> {
  await post(`${adminUrl}/v1/erasures/expunge`, {})
  await vi.waitFor(
    async () => {
      const { body } = await get(`${adminUrl}/v1/erasures/expunge`)
      expect(body).toMatchObject({ isRunning: false, failure: '' })
    },
    { timeout: expungedMs, interval: 50 },
  )
}

/** The one story, on whatever nodes: `files` are all folders that these may keep anything in. */
function eraseSuite(
  name: string,
  uses: () => { readonly nodes: readonly RunningNode[]; readonly files: readonly string[] },
): void {
  const first = () => uses().nodes[0] ?? expect.fail('a node runs')
  const last = () => uses().nodes.at(-1) ?? expect.fail('a node runs')
  const marked = () => uses().files.flatMap((folder) => filesWith(marker, folder))

  it(`${name}: an erase reaches web, CRM and agent, and says when`, async () => {
    await record(first().url, history())
    await vi.waitFor(
      async () => expect(await membersOf(last().adminUrl, web)).toHaveLength(3),
      waitedMs,
    )
    for (const identifier of [web, agent, 'anon:neighbour']) {
      const asked = { identifiers: [identifier], placements: ['home'] }
      expect((await post(`${last().url}/v1/decide`, asked)).status).toBe(200)
    }
    const dry = await post(`${last().adminUrl}/v1/erasures`, { identifier: crm, dryRun: true })
    const stillThere = await membersOf(first().adminUrl, web)

    const asked = performance.now()
    const erased = await post(`${last().adminUrl}/v1/erasures`, { identifier: crm, eraseId: 'e1' })
    await vi.waitFor(
      async () =>
        expect(await receiptOf(first().adminUrl, 'e1')).toMatchObject({
          effectiveAt: expect.any(String),
        }),
      { timeout: waitedMs, interval: 20 },
    )
    const tookMs = performance.now() - asked

    expect(fieldsOf(fieldsOf(dry.body).erases).identifiers).toEqual(expect.arrayContaining(person))
    expect(stillThere).toHaveLength(3)
    expect(erased).toMatchObject({ status: 202, body: { eraseId: 'e1', identifier: crm } })
    expect(tookMs).toBeLessThan(10_000)
    for (const identifier of person) {
      const { body } = await get(`${last().adminUrl}/v1/profiles/${identifier}`)
      expect(fieldsOf(body)).not.toMatchObject({ timeline: [expect.anything()] })
      expect(JSON.stringify(fieldsOf(body).timeline ?? [])).toBe('[]')
      expect(JSON.stringify(fieldsOf(body).traits ?? {})).toBe('{}')
    }
    expect((await get(`${first().adminUrl}/v1/profiles/anon:neighbour`)).status).toBe(200)
  })

  it(`${name}: what arrives late or again changes nothing`, async () => {
    await record(first().url, history())
    const { body } = await get(`${last().adminUrl}/v1/export`)

    expect(String(body)).not.toContain(marker)
    expect(String(body)).toContain('neighbour')
  })

  it(
    `${name}: once it is expunged, no file holds anything of it`,
    async () => {
      const before = marked()

      await expunged(last().adminUrl)
      const after = marked()

      expect(before.length).toBeGreaterThan(0)
      expect(after).toEqual([])
      expect(await receiptOf(first().adminUrl, 'e1')).toMatchObject({
        waitingFor: 0,
        expungedAt: expect.any(String),
      })
      expect((await get(`${first().adminUrl}/v1/profiles/anon:neighbour`)).status).toBe(200)
    },
    2 * expungedMs,
  )

  it(`${name}: afterwards the same identifier is a new start`, async () => {
    const page = {
      kind: 'event',
      name: 'page',
      id: 'anew',
      key: crm,
      properties: { path: '/anew' },
    }
    await record(first().url, [page])

    await vi.waitFor(async () => {
      const { body } = await get(`${last().adminUrl}/v1/profiles/${crm}`)
      expect(body).toMatchObject({ identifiers: [crm], timeline: [{ id: 'anew' }] })
    }, waitedMs)
  })
}

async function start(flags: { readonly [name: string]: string }): Promise<RunningNode> {
  const free = { port: '0', adminPort: '0', logLevel: 'silent' }
  const { config } = readConfig({}, { ...flags, ...free })
  return await startNode(config, { output: { write: () => {} } })
}

describe('an embedded node', () => {
  const dataDir = scratchFolder()
  const nodes: RunningNode[] = []

  beforeAll(async () => {
    const node = await start({ dataDir, shards: '4' })
    nodes.push(node)
    await postAs(`${node.adminUrl}/v1/playbook`, 'text/yaml', playbook)
  })
  afterAll(async () => {
    for (const node of nodes) await node.close()
  })

  eraseSuite('embedded', () => ({ nodes, files: [dataDir] }))

  it('embedded: a node that starts again from its files knows what was erased', async () => {
    await nodes.pop()?.close()
    const node = await start({ dataDir, shards: '4' })
    nodes.push(node)

    await record(node.url, history())
    const receipt = await receiptOf(node.adminUrl, 'e1')
    const { body } = await get(`${node.adminUrl}/v1/export`)

    expect(receipt).toMatchObject({
      effectiveAt: expect.any(String),
      expungedAt: expect.any(String),
    })
    expect(String(body)).toContain('/anew')
    expect(String(body)).not.toContain(`/${marker}/`)
  })
})

const dataDir = scratchFolder()
const backup = scratchFolder()

it('an erase holds when an older backup of store and log is put back', async () => {
  const before = await start({ dataDir, shards: '4' })
  await record(before.url, history())
  await vi.waitFor(
    async () => expect(await membersOf(before.adminUrl, web)).toHaveLength(3),
    waitedMs,
  )
  await before.close()
  for (const part of ['store', 'log'])
    await cp(join(dataDir, part), join(backup, part), { recursive: true })
  const erasing = await start({ dataDir, shards: '4' })
  await post(`${erasing.adminUrl}/v1/erasures`, { identifier: crm, eraseId: 'e1' })
  await vi.waitFor(
    async () =>
      expect(await receiptOf(erasing.adminUrl, 'e1')).toMatchObject({
        effectiveAt: expect.any(String),
      }),
    waitedMs,
  )
  await erasing.close()
  for (const part of ['store', 'log']) {
    await rm(join(dataDir, part), { recursive: true })
    await cp(join(backup, part), join(dataDir, part), { recursive: true })
  }

  const restored = await start({ dataDir, shards: '4' })
  const { body } = await get(`${restored.adminUrl}/v1/export`)
  await restored.close()

  expect(filesWith(marker, backup).length).toBeGreaterThan(0)
  expect(String(body)).toContain('neighbour')
  expect(String(body)).not.toContain(marker)
})

describe('two nodes on a real server', needs(realNatsServer), () => {
  const server = useServer()
  const folder = scratchFolder()
  const nodes: RunningNode[] = []

  beforeAll(async () => {
    for (const nodeId of ['n1', 'n2']) {
      const flags = { dataDir: join(folder, nodeId), natsUrl: server.server.url, nodeId }
      nodes.push(await start({ ...flags, shards: '4', standbys: '1' }))
    }
    await postAs(`${nodes[0]?.adminUrl}/v1/playbook`, 'text/yaml', playbook)
    await vi.waitFor(
      async () => {
        const { body } = await get(`${nodes[0]?.adminUrl}/v1/cluster`)
        expect(fieldsOf(fieldsOf(body).redundancy)).toMatchObject({ full: 4 })
        const shards = fieldsOf(body).shards
        expect(Array.isArray(shards) && shards.every(({ warming }) => warming.length === 0)).toBe(
          true,
        )
      },
      { timeout: 30_000, interval: 100 },
    )
  })
  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close()
  })

  eraseSuite('two nodes', () => ({ nodes, files: [folder, server.storeDir] }))

  it('two nodes: the one that is left shows nothing of it, whatever arrives again', async () => {
    await nodes.shift()?.close()
    const left = nodes[0] ?? expect.fail('a node is left')
    await vi.waitFor(() => record(left.url, history()), { timeout: 20_000, interval: 200 })

    const body = await vi.waitFor(async () => {
      const exported = await get(`${left.adminUrl}/v1/export`)
      expect(String(exported.body)).toContain('/anew')
      return exported.body
    }, waitedMs)

    expect(String(body)).not.toContain(`/${marker}/`)
    expect(await receiptOf(left.adminUrl, 'e1')).toMatchObject({ expungedAt: expect.any(String) })
  })
})
