import { join } from 'node:path'
import { connect, type Decision } from '@halfsecond/client'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { get, postAs } from '../http/support/running-server.ts'
import { useServer } from '../nats/server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const playbook = `
playbook: shop
consent: { personalise: assumed }
events:
  page: { path: string }
  bought: { price: double }
traits:
  tier: { type: string, default: none }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome } }
  side: { channel: web, format: banner, count: 2, fallback: { title: Aside } }
offers:
  tour: { value: 9, when: 'count("page", "30d") == 1', treatments: { banner: { title: Tour } }, limits: [{ on: display, max: 1, per: day }] }
  again: { value: 8, when: 'count("page", "30d") > 1', treatments: { banner: { title: '\${latest("page", "path")} again?' } } }
  thanks: { value: 7, when: 'sum("bought", "price", "30d") > 10.0', treatments: { banner: { title: Thanks } } }
  gold: { value: 6, when: traits.tier == "gold", treatments: { banner: { title: Gold } } }
`

const decisionsMade = 2_000
const visitors = 200

describe('what two nodes decided', needs(realNatsServer), () => {
  const nats = useServer()
  const folder = scratchFolder()
  const keys = `k1:${Buffer.alloc(32, 5).toString('base64')}`
  const nodes: RunningNode[] = []
  const made: Decision[] = []
  let from = ''

  async function startBoth(): Promise<void> {
    for (const nodeId of ['n1', 'n2']) {
      const flags = { dataDir: join(folder, nodeId), natsUrl: nats.server.url, nodeId, shards: '4' }
      const free = { port: '0', adminPort: '0', logLevel: 'silent', standbys: '0' }
      const { config } = readConfig({ HALFSECOND_TOKEN_KEYS: keys }, { ...flags, ...free })
      nodes.push(await startNode(config, { output: { write: () => {} } }))
    }
    await vi.waitFor(
      async () => {
        const { body } = await get(`${admin(1)}/v1/cluster`)
        expect(body).toMatchObject({ nodes: [{ primaries: 2 }, { primaries: 2 }] })
      },
      { timeout: 30_000, interval: 100 },
    )
  }

  async function closeBoth(): Promise<void> {
    for (const node of nodes.splice(0).reverse()) await node.close()
  }

  const admin = (i: number) => nodes[i]?.adminUrl

  beforeAll(async () => {
    from = new Date(Date.now() - 1_000).toISOString()
    await startBoth()
    expect((await postAs(`${admin(0)}/v1/playbook`, 'text/yaml', playbook)).status).toBe(200)
    await vi.waitFor(async () => expect((await get(`${admin(1)}/v1/playbook`)).status).toBe(200), {
      timeout: 20_000,
    })
    const client = connect(nats.server.url, { channel: 'web', tokenKeys: keys })
    await client.ready(30_000)
    await Promise.all(
      Array.from({ length: visitors }, async (_, i) => {
        const known = i % 4 === 0 ? { anon: `v${i}`, crm: `c${i}` } : { anon: `v${i}` }
        const visitor = client.visitor(known)
        if (i % 4 === 0)
          await visitor.identify({ crm: `c${i}` }, { tier: i % 8 === 0 ? 'gold' : 'silver' })
        for (let n = 0; n < decisionsMade / visitors; n++) {
          if (n % 3 === 1) void visitor.track('page', { path: `/${i % 7}/${n}` })
          if (n % 5 === 4) void visitor.track('bought', { price: 4.2 })
          const { hero, side } = await visitor.decideAll(['hero', 'side'], { deadlineMs: 2_000 })
          if (n === 1) void hero?.displayed()
          for (const one of [hero, side]) if (one !== undefined) made.push(one)
        }
      }),
    )
    await client.close()
  }, 120_000)

  afterAll(() => closeBoth())

  it('comes out again on each of them after a restart, to the last decision', async () => {
    await closeBoth()
    await startBoth()

    for (const i of [0, 1]) {
      const { body } = await get(`${admin(i)}/v1/decisions/verify?from=${from}`)

      const { decisions, ...rest } = isFields(body) ? body : {}
      // A question that was asked twice was decided twice.
      expect(Number(decisions)).toBeGreaterThanOrEqual(decisionsMade)
      expect(rest).toEqual({ same: decisions, unknown: 0, different: [] })
    }
  }, 120_000)

  it('is told with its content by either of them, whoever decided', async () => {
    const tokens = made.flatMap(({ token, placement, content }) =>
      token === undefined ? [] : [{ token, placement, content }],
    )
    const every = Math.ceil(tokens.length / 20)
    const some = tokens.filter((_, i) => i % every === 0)
    const nodesThatDecided = new Set<unknown>()

    for (const [i, { token, placement, content }] of some.entries()) {
      const { status, body } = await get(`${admin(i % 2)}/v1/why?token=${token}`)

      expect(status).toBe(200)
      const decided = isFields(body) && isFields(body.decided) ? body.decided : {}
      nodesThatDecided.add(decided.node)
      expect(decided).toMatchObject({ isSame: true, isAsTold: true, oneOf: 1 })
      const [own] = Array.isArray(decided.explanations) ? decided.explanations : []
      expect(own).toMatchObject({ placement, shown: [{ content }] })
    }
    expect(some.length).toBeGreaterThan(15)
    expect([...nodesThatDecided].sort()).toEqual(['n1', 'n2'])
  }, 60_000)
})
