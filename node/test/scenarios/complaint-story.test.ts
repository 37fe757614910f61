import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, connect } from '@halfsecond/client'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { execute } from '../cli/support/command.ts'
import { get, postAs } from '../http/support/running-server.ts'
import { useServer } from '../nats/server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const playbook = `
playbook: bank
consent: { personalise: assumed }
events:
  card_charged: { billed: double, quoted: double, foreign: bool }
  page: { path: string }
traits:
  tier: { type: string, default: none }
  manager: { type: string }
facts:
  overcharged: recent("card_charged", "14d").exists(c, c.foreign && c.billed > c.quoted * 1.01)
  seekingHelp: recent("page", "30m").exists(p, p.path.startsWith("/help"))
profile:
  call: [tier, manager]
placements:
  web.hero: { channel: web, format: banner, fallback: { title: Welcome } }
  call.prompt: { channel: call, format: script, fallback: { say: How can I help you } }
offers:
  talk-to-manager:
    priority: 100
    when: overcharged && seekingHelp && traits.tier == "gold"
    accepted: retire
    treatments:
      banner: { title: "\${traits.manager} will put it right" }
      script: { say: "Offer a call-back by \${traits.manager}." }
  credit-card:
    when: traits.tier != "none"
    treatments:
      banner: { title: A new card }
      script: { say: Mention the card. }
`

const mapping = `
source: crm
format: csv
key: crm:\${id}
links:
  - { to: "user:\${login}", strength: authenticated }
traits: { tier: level, manager: manager }
`

const waiting = { timeout: 15_000, interval: 10 }

/** Each node holds shards that the others do not, so that nothing is answered from one memory. */
describe('web, agent and CRM on three nodes', needs(realNatsServer), () => {
  const nats = useServer()
  const folder = scratchFolder()
  const nodes: RunningNode[] = []
  const clients: Client[] = []

  beforeAll(async () => {
    for (const nodeId of ['n1', 'n2', 'n3']) {
      const flags = { dataDir: join(folder, nodeId), natsUrl: nats.server.url, nodeId, shards: '8' }
      const free = { port: '0', adminPort: '0', logLevel: 'silent', standbys: '0' }
      const { config } = readConfig({}, { ...flags, ...free })
      nodes.push(await startNode(config, { output: { write: () => {} } }))
    }
    await postAs(`${node(0).adminUrl}/v1/playbook`, 'text/yaml', playbook)
    await vi.waitFor(
      async () => {
        const { body } = await get(`${node(1).adminUrl}/v1/cluster`)
        const all = isFields(body) && Array.isArray(body.nodes) ? body.nodes : []
        expect(all.map(({ warming }) => warming)).toEqual([0, 0, 0])
        expect(Math.min(...all.map(({ primaries }) => primaries))).toBeGreaterThanOrEqual(2)
        for (const { adminUrl } of nodes)
          expect((await get(`${adminUrl}/v1/playbook`)).status).toBe(200)
      },
      { timeout: 30_000, interval: 100 },
    )
    clients.push(
      connect(node(0).url, { channel: 'web' }),
      connect(node(1).url, { channel: 'call' }),
    )
    await Promise.all(clients.map((client) => client.ready(30_000)))
  })

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()))
    for (const one of nodes.reverse()) await one.close()
  })

  function node(i: number): RunningNode {
    const one = nodes[i]
    if (one === undefined) throw new Error(`no node ${i}`)
    return one
  }

  it('offers her manager, not a card, on the web page and on the agent’s screen', async () => {
    const [web, call] = clients
    if (web === undefined || call === undefined) throw new Error('there are two channels')
    await writeFile(join(folder, 'crm.csv'), 'id,login,level,manager\n991,anna,gold,Maya\n')
    await writeFile(join(folder, 'crm.yaml'), mapping)
    const env = { HALFSECOND_URL: node(2).url, HALFSECOND_ADMIN_URL: node(2).adminUrl }
    const files = [join(folder, 'crm.csv'), '--mapping', join(folder, 'crm.yaml')]
    expect((await execute(['import', ...files], { env })).code).toBe(0)

    const browser = web.visitor({ anon: 'kitchen-laptop' })
    await browser.track('page', { path: '/' })
    await browser.identify({ user: 'anna' })
    void browser.track('card_charged', { billed: 82, quoted: 75, foreign: true })
    void browser.track('page', { path: '/help/foreign-fees' })
    const hero = await vi.waitFor(async () => {
      const decision = await browser.decide('web.hero')
      // On a busy machine another home may answer too late.
      expect(decision.freshness).toBe('fresh')
      return decision
    }, waiting)
    await Promise.all([browser.track('page', { path: '/help' }), hero.displayed()])

    expect(hero.content).toEqual({ title: 'Maya will put it right' })
    const agent = call.visitor({ crm: '991' })
    const prompt = await vi.waitFor(async () => {
      const decision = await agent.decide('call.prompt')
      expect(decision.content).toEqual({ say: 'Offer a call-back by Maya.' })
      return decision
    }, waiting)
    expect((await agent.profile(['tier', 'manager'])).traits).toMatchObject({
      tier: { value: 'gold', source: 'crm' },
      manager: { value: 'Maya', source: 'crm' },
    })

    await prompt.accepted()

    await vi.waitFor(async () => {
      const next = await browser.decide('web.hero')
      expect(next.content).toEqual({ title: 'A new card' })
    }, waiting)
  })
})
