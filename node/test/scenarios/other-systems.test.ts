import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { subjects } from '@halfsecond/protocol'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { execute } from '../cli/support/command.ts'
import { get, post } from '../http/support/running-server.ts'
import { useServer } from '../nats/server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()

const mapping = `
source: crm
format: csv
key: crm:\${id}
links: [{ to: "email:\${mail}", strength: authenticated }]
traits: { tier: level, since: { column: since, type: time } }
at: updated
mode: full
`

/** A business's own systems, each with its own way in. */
describe('a CRM export, a web shop and a call centre', needs(realNatsServer), () => {
  const nats = useServer()
  const nodes: RunningNode[] = []
  let connection: NatsConnection

  beforeAll(async () => {
    for (const nodeId of ['n1', 'n2']) {
      const flags = { dataDir: join(folder, nodeId), natsUrl: nats.server.url, nodeId, shards: '4' }
      const free = { port: '0', adminPort: '0', logLevel: 'silent', standbys: '1' }
      const { config } = readConfig({}, { ...flags, ...free })
      nodes.push(await startNode(config, { output: { write: () => {} } }))
    }
    connection = await connect({ servers: nats.server.url })
    writeFileSync(join(folder, 'crm.yaml'), mapping)
  })

  afterAll(async () => {
    await connection?.close()
    for (const node of nodes.reverse()) await node.close()
  })

  function env() {
    return { HALFSECOND_URL: nats.server.url, HALFSECOND_ADMIN_URL: nodes[0]?.adminUrl }
  }

  async function importFile(rows: string, hour: number) {
    const file = join(folder, `crm-${hour}.csv`)
    writeFileSync(file, `id,mail,level,since,updated,salary\n${rows}\n`)
    const written = new Date(Date.UTC(2026, 2, 1, hour))
    utimesSync(file, written, written)
    const args = ['import', file, '--mapping', join(folder, 'crm.yaml'), '--json']
    const { code, output, notes } = await execute(args, { env: env() })
    expect(code, notes).toBe(0)
    return JSON.parse(output)
  }

  async function feed(records: readonly object[]): Promise<unknown> {
    const message = JSON.stringify({ records })
    const reply = await connection.request(subjects.feed, message, { timeout: 10_000 })
    return reply.json()
  }

  it('make one person, of whom each value tells its source, channel and time', async () => {
    await importFile('7,ann@x.com,gold,2020-01-01,2026-03-01T00:00:00Z,90000', 1)
    const web = { channel: 'web', at: Date.UTC(2026, 2, 2) }
    const shop = [
      { kind: 'event', id: 'w1', key: 'anon:d1', name: 'page', properties: { path: '/' }, ...web },
      { kind: 'traits', id: 'w2', key: 'anon:d1', set: { colour: 'green' }, ...web },
      {
        kind: 'link',
        id: 'w3',
        key: 'anon:d1',
        to: 'email:Ann@x.com',
        strength: 'authenticated',
        ...web,
      },
    ]
    expect((await post(`${nodes[0]?.url}/v1/events`, { records: shop })).status).toBe(200)
    const desk = { source: 'desk', channel: 'call', at: Date.UTC(2026, 2, 3) }
    const told = await feed([
      { kind: 'traits', id: 'a1', identifiers: { crm: '7' }, set: { mood: 'cross' }, ...desk },
      { kind: 'event', id: 'a2', key: 'crm:7', name: 'complaint', ...desk },
    ])

    expect(told).toEqual({ results: [1, 2].map(() => ({ position: expect.any(String) })) })
    await vi.waitFor(async () => {
      const { body } = await get(`${nodes[1]?.adminUrl}/v1/profiles/anon:d1`)
      expect(body).toMatchObject({
        identifiers: expect.arrayContaining(['crm:7', 'email:ann@x.com', 'anon:d1']),
        traits: {
          tier: { value: 'gold', source: 'crm', at: '2026-03-01T00:00:00.000Z' },
          since: { value: Date.UTC(2020, 0, 1), source: 'crm' },
          colour: { value: 'green', channel: 'web', at: '2026-03-02T00:00:00.000Z' },
          mood: { value: 'cross', source: 'desk', channel: 'call', at: '2026-03-03T00:00:00.000Z' },
        },
        timeline: [
          { kind: 'page', channel: 'web' },
          { kind: 'complaint', source: 'desk', channel: 'call' },
        ],
      })
    }, 20_000)
    const { body } = await get(`${nodes[1]?.adminUrl}/v1/profiles/crm:7`)
    expect(JSON.stringify(body)).not.toContain('90000')
  })

  it('keep what others said when the CRM says it no more', async () => {
    await importFile('8,bob@x.com,gold,2020-01-01,2026-03-01T00:00:00Z,1', 2)
    await feed([{ kind: 'traits', id: 'a3', key: 'crm:8', source: 'desk', set: { mood: 'glad' } }])

    const { unset } = await importFile('9,cid@x.com,silver,,2026-03-01T00:00:00Z,1', 3)

    // Of crm:8 its tier and its date, and of whoever the file before had.
    expect(unset).toBeGreaterThanOrEqual(2)
    await vi.waitFor(async () => {
      const { body } = await get(`${nodes[1]?.adminUrl}/v1/profiles/crm:8`)
      expect(body).toMatchObject({
        traits: {
          tier: { source: 'crm', at: '2026-03-01T00:00:00.001Z' },
          mood: { value: 'glad', source: 'desk' },
        },
      })
      expect(body).not.toHaveProperty('traits.tier.value')
    }, 20_000)
  })

  it('are heard once, whichever node takes a message, also where nobody waits for an answer', async () => {
    const records = (i: number) => [
      { kind: 'event', id: `f${i}`, key: 'crm:70', source: 'desk', name: 'call', at: 1_000 + i },
    ]

    for (let i = 0; i < 30; i++)
      connection.publish(subjects.feed, JSON.stringify({ records: records(i) }))
    await feed(records(30))

    await vi.waitFor(async () => {
      const { body } = await get(`${nodes[1]?.adminUrl}/v1/profiles/crm:70`)
      expect(body).toHaveProperty('timeline.length', 31)
    }, 20_000)
    const taken = await Promise.all(nodes.map(async ({ adminUrl }) => fedBy(adminUrl)))
    expect(taken.every((count) => count > 0)).toBe(true)
  })
})

/** Records that a node took of the feed. */
async function fedBy(adminUrl: string): Promise<number> {
  const { body } = await get(`${adminUrl}/metrics`)
  return Number(/feed_records_total\{result="recorded"\} (\d+)/.exec(String(body))?.[1])
}
