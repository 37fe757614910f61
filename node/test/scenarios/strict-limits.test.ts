import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Client, connect } from '@halfsecond/client'
import { parseIdentifier, shardOf } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { useServer } from '../nats/server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const playbook = `
playbook: strict
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: nothing }
offers:
  card:
    limits: [{ on: display, max: 1, per: lifetime, strict: true }]
    treatments: { banner: card }
`

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const shards = 4

/** Two nodes that hold every shard; one is a process of its own, so that it can be killed. */
describe('a strict limit on two nodes', needs(realNatsServer), () => {
  const nats = useServer()
  const folder = scratchFolder()
  let victim: ChildProcess
  let survivor: RunningNode
  let client: Client

  beforeAll(async () => {
    const flags = { dataDir: join(folder, 'survivor'), natsUrl: nats.server.url }
    const rest = { nodeId: 'survivor', shards: `${shards}`, standbys: '1', logLevel: 'silent' }
    const { config } = readConfig({}, { ...flags, ...rest, port: '0', adminPort: '0' })
    survivor = await startNode(config, { output: { write: () => {} } })
    victim = spawn(process.execPath, [main, 'node', '--port', '0', '--admin-port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        ...process.env,
        HALFSECOND_NATS_URL: nats.server.url,
        HALFSECOND_DATA: join(folder, 'victim'),
        HALFSECOND_NODE_ID: 'victim',
        HALFSECOND_SHARDS: `${shards}`,
        HALFSECOND_STANDBYS: '1',
        HALFSECOND_LOG_LEVEL: 'silent',
      },
    })
    await isReady(victim)
    await survivor.api.publishPlaybook(playbook)
    await vi.waitFor(() => {
      const held = survivor.api.map().shards
      expect(held.every(({ standbys }) => standbys.length === 1)).toBe(true)
      expect(new Set(held.map(({ primary }) => primary)).size).toBe(2)
    }, waiting)
    client = connect(nats.server.url, { channel: 'web' })
    await client.ready(30_000)
    // Whoever the map names leads a moment later, and grants nothing before.
    let tried = 0
    for (const node of ['survivor', 'victim'])
      await vi.waitFor(async () => {
        expect(await shown(askedAtOnce(userOf(node, `first${tried++}-`), 1))).toBe(1)
      }, waiting)
  })

  afterAll(async () => {
    victim.kill('SIGKILL')
    await client.close()
    await survivor.close()
  })

  /** Somebody whose shard is led by this node. */
  function userOf(node: string, name: string): string {
    for (let i = 0; ; i++) {
      const shard = shardOf(parseIdentifier(`user:${name}${i}`), shards)
      if (survivor.api.map().shards[shard]?.primary === node) return `${name}${i}`
    }
  }

  /** So many decides for one person, asked at once. */
  function askedAtOnce(user: string, count: number): Promise<boolean>[] {
    return Array.from({ length: count }, async () => {
      const { content } = await client.visitor({ user }).decide('hero', { deadlineMs: 2_000 })
      return content === 'card'
    })
  }

  /** How many of them show the card. */
  async function shown(asked: readonly Promise<boolean>[]): Promise<number> {
    return (await Promise.all(asked)).filter(Boolean).length
  }

  it.each(['survivor', 'victim'])(
    'of 1 is shown once by 1,000 parallel decides, where %s leads',
    async (node) => {
      const counts: number[] = []

      // What is granted too late for its decide is shown to nobody: then somebody else is tried.
      do {
        const user = userOf(node, `ann${counts.length}-`)
        const atOnce = await shown(askedAtOnce(user, 1_000))
        counts.push(atOnce + (await shown(askedAtOnce(user, 10))))
      } while (counts.at(-1) === 0 && counts.length < 10)

      expect(counts.at(-1)).toBe(1)
    },
    60_000,
  )

  it('of 1 is shown at most once by 1,000 parallel decides while the primary is killed', async () => {
    const user = userOf('victim', 'bob')
    const asked = askedAtOnce(user, 1_000)
    await Promise.race(asked)
    victim.kill('SIGKILL')
    await once(victim, 'exit')

    const before = await shown(asked)
    await vi.waitFor(() => {
      const primaries = survivor.api.map().shards.map(({ primary }) => primary)
      expect(new Set(primaries)).toEqual(new Set(['survivor']))
    }, waiting)
    let after = 0
    for (let i = 0; i < 5; i++) after += await shown(askedAtOnce(user, 20))

    expect(before + after).toBeLessThanOrEqual(1)
  }, 60_000)
})

const waiting = { timeout: 30_000, interval: 50 }

async function isReady({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) throw new Error('its output is read')
  for await (const line of createInterface({ input: stdout })) if (/is ready/.test(line)) return
  throw new Error('the node ended before it was ready')
}
