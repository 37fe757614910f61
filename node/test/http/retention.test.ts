import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { scratchFolder } from '../support/scratch-folder.ts'
import { get, post } from './support/running-server.ts'

const dataDir = scratchFolder()
const dayMs = 86_400_000
const idle = Array.from({ length: 20 }, (_, n) => `anon:idle-${n}`)
let node: RunningNode

beforeAll(async () => {
  const flags = { dataDir, port: '0', adminPort: '0', logLevel: 'silent', shards: '4' }
  const { config } = readConfig({ HALFSECOND_RETENTION: '30d' }, flags)
  node = await startNode(config, { output: { write: () => {} } })
})

afterAll(async () => {
  await node.close()
})

function page(key: string, id: string, daysAgo: number): object {
  const at = Date.now() - daysAgo * dayMs
  return { kind: 'event', name: 'page', id, key, at, properties: { path: '/' } }
}

async function namesOf(): Promise<unknown[]> {
  const { body } = await get(`${node.adminUrl}/v1/export`)
  const lines = String(body)
    .split('\n')
    .filter((line) => line !== '')
  return lines.flatMap((line) => {
    const view: unknown = JSON.parse(line)
    return isFields(view) && Array.isArray(view.identifiers) ? view.identifiers : []
  })
}

it('what nothing was recorded of for longer than the retention is forgotten, what is younger stays', async () => {
  const records = [
    ...idle.map((key) => page(key, `${key}-1`, 31)),
    page('anon:back', 'back-1', 400),
    page('anon:back', 'back-2', 29),
    page('anon:fresh', 'fresh-1', 1),
  ]
  const before = await post(`${node.url}/v1/events`, { records })

  await vi.waitFor(
    async () => expect((await namesOf()).sort()).toEqual(['anon:back', 'anon:fresh']),
    {
      timeout: 25_000,
      interval: 200,
    },
  )

  expect(before.status).toBe(200)
  expect((await get(`${node.adminUrl}/v1/profiles/${idle[0]}`)).status).toBe(404)
  const { body } = await get(`${node.adminUrl}/v1/profiles/anon:back`)
  expect(body).toMatchObject({ timeline: [{ id: 'back-1' }, { id: 'back-2' }] })
})
