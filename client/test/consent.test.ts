import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { visitors } from '../src/express.ts'
import { type Client, connect } from '../src/index.ts'
import { startTestNode } from './support/test-node.ts'

const playbook = `
playbook: asks-first
consent: { personalise: required }
events:
  interest: { about: string }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome } }
offers:
  boots:
    when: count("interest", "30m") >= 1
    treatments: { banner: { title: Boots } }
`

let client: Client
let url = ''
const ends: (() => unknown)[] = []

beforeAll(async () => {
  const { node, stop } = await startTestNode(playbook)
  client = connect(node.url, { defaults: { hero: 'Default hero' }, deadlineMs: 2_000 })
  const site = express()
  site.use(
    visitors(client, {
      cookieKeys: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
      user: (req: express.Request) => req.get('x-user'),
      consent: (req) => (req.get('x-consent') === 'yes' ? true : undefined),
    }),
  )
  site.get('/', async (req, res) => {
    const { visitor } = req
    const login = req.get('x-login')
    if (login !== undefined) void visitor.identify({ user: login })
    void visitor.track('interest', { about: 'boots' })
    const { content, reason } = await visitor.decide('hero')
    res.json({ content, reason })
  })
  const server = createServer(site)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`
  ends.push(
    () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
    () => client.close(),
    stop,
  )
})

afterAll(async () => {
  for (const end of ends) await end()
})

async function visit(headers: Record<string, string>): Promise<unknown> {
  return (await fetch(url, { headers })).json()
}

describe('a site whose playbook asks first', () => {
  it('shows default content to who was not asked, and content to who agreed, from the first hit on', async () => {
    const before = await visit({})
    const after = await visit({ 'x-consent': 'yes' })

    expect(before).toEqual({ content: 'Default hero', reason: 'consent' })
    expect(after).toEqual({ content: { title: 'Boots' }, reason: 'rules' })
  })

  it('goes by what the browser agreed to for the customer who logs in there', async () => {
    const login = await fetch(url, { headers: { 'x-consent': 'yes', 'x-login': '17' } })
    const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const later = await visit({ 'x-consent': 'yes', 'x-user': '17', cookie })

    expect(await login.json()).toEqual({ content: { title: 'Boots' }, reason: 'rules' })
    expect(later).toEqual({ content: { title: 'Boots' }, reason: 'rules' })
  })
})
