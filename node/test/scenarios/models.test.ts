import { join } from 'node:path'
import { isFields, subjects, ulid } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { learnedPlacements } from '../../src/core/learning/learned-placement.ts'
import { makeVersion } from '../../src/core/learning/make-version.ts'
import { latestOf, summed } from '../../src/core/learning/summed-statistics.ts'
import { decodeVersion, encodeVersion } from '../../src/core/learning/version-codec.ts'
import { cellsMax } from '../../src/core/learning/version-plan.ts'
import type { Nats } from '../../src/nats/connection.ts'
import { storedEntries } from '../../src/nats/direct-gets.ts'
import { JetStreamModels } from '../../src/nats/jetstream-models.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { execute } from '../cli/support/command.ts'
import { get, post } from '../http/support/running-server.ts'
import { useServer } from '../nats/server.ts'
import { BareShard } from '../support/bare-shard.ts'
import { resultOf } from '../support/learned.ts'
import { visitorsOf } from '../support/records.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()
const shards = 4
const lesson = 'click 1800000 7776000000'

const playbook = `
playbook: shop
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome }, learn: { on: click, halfLife: 90d, explore: 0 } }
offers:
  boots: { treatments: { banner: { title: Boots } } }
  tents: { treatments: { banner: { title: Tents } } }
`

const keys = { HALFSECOND_TOKEN_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}` }

let told = 0

/** A new log counts what is learnt once all its replicas are known to do so. */
async function counts(node: RunningNode): Promise<void> {
  await vi.waitFor(
    async () => {
      for (let shard = 0; shard < shards; shard++) {
        const n = told++
        const [key] = visitorsOf(shard, shards, 1)
        const at = Date.now() - 2 * 3_600_000
        const decision = ulid(at, (bytes) => crypto.getRandomValues(bytes))
        const probe = { decision, placement: 'probe', offer: 'probe', treatment: 'probe' }
        const trial = 'click 60000 604800000 '
        const record = {
          kind: 'outcome',
          id: `p${n}`,
          key,
          ...probe,
          outcome: 'display',
          trial,
          at,
        }
        await post(`${node.url}/v1/events`, { records: [record] })
        const answer = node.api.read({ what: 'statistics', shard })
        let statistics = ''
        for await (const piece of answer) statistics += Buffer.from(piece).toString()
        expect(statistics).toContain('"probe"')
      }
    },
    { timeout: 60_000, interval: 500 },
  )
}

/** So many were shown an offer two hours ago, and some clicked. */
async function shown(node: RunningNode, offer: string, trials: number, clicks: number) {
  const at = Date.now() - 2 * 3_600_000
  const records: object[] = []
  for (let i = 0; i < trials; i++) {
    const n = told++
    const decision = ulid(at, (bytes) => crypto.getRandomValues(bytes))
    const common = { kind: 'outcome', key: `anon:v${n}`, decision, placement: 'hero', offer }
    const outcome = { ...common, treatment: 'banner', trial: `${lesson} `, at }
    records.push({ ...outcome, id: `d${n}`, outcome: 'display' })
    if (i < clicks) records.push({ ...outcome, id: `c${n}`, outcome: 'click' })
  }
  const { status, body } = await post(`${node.url}/v1/events`, { records })
  expect(status, JSON.stringify(body)).toBe(200)
}

/** Until the newest version, as this node tells it, has counted so many trials. */
function counted(node: RunningNode, trials: number): Promise<number> {
  return vi.waitFor(
    async () => {
      const { body } = await get(`${node.adminUrl}/v1/model?placement=hero`)
      const version = isFields(body) ? body : {}
      const found = JSON.stringify(version.placements).matchAll(/"trials":([\d.]+)/g)
      const all = [...found].reduce((sum, [, count]) => sum + Number(count), 0)
      expect(Math.round(all)).toBe(trials)
      return Number(version.version)
    },
    { timeout: 60_000, interval: 250 },
  )
}

/** What decides says of the model, and shows. */
async function decide(node: RunningNode, visitor: string) {
  const asked = { identifiers: [`anon:${visitor}`], placements: ['hero'], deadline: 2_000 }
  const { body } = await post(`${node.url}/v1/decide`, asked)
  const answer = isFields(body) ? body : {}
  const decisions = isFields(answer.decisions) ? answer.decisions : {}
  const hero = isFields(decisions.hero) ? decisions.hero : {}
  return { model: hero.model, offer: hero.offer, reason: hero.reason }
}

describe('a placement that learns on a node alone', () => {
  const flags = { port: '0', adminPort: '0', logLevel: 'silent', shards: String(shards) }
  const start = () => {
    const { config } = readConfig(keys, { ...flags, dataDir: join(folder, 'alone') })
    return startNode(config, { output: { write: () => {} } })
  }

  it('gets versions, decides by them, and has them again after a restart', async () => {
    const node = await start()
    let version = 0
    try {
      await node.api.publishPlaybook(playbook)
      await counts(node)
      await shown(node, 'boots', 150, 1)
      await shown(node, 'tents', 150, 60)
      version = await counted(node, 300)
      await vi.waitFor(async () => {
        expect(await decide(node, 'a')).toEqual({
          model: version,
          offer: 'tents',
          reason: 'sampled',
        })
      }, 20_000)
      const env = { HALFSECOND_ADMIN_URL: node.adminUrl }
      const { output } = await execute(['model', 'show'], { env })
      expect(output).toMatch(/^ {2}tents +banner +150 +(60\.0|59\.9) .* 100 %$/m)
      const { body } = await get(`${node.adminUrl}/metrics`)
      expect(body).toContain(`halfsecond_model_version ${version}\n`)
    } finally {
      await node.close()
    }

    const again = await start()
    try {
      expect(await decide(again, 'b')).toMatchObject({ offer: 'tents', reason: 'sampled' })
      expect(Number((await decide(again, 'b')).model)).toBeGreaterThanOrEqual(version)
    } finally {
      await again.close()
    }
  }, 90_000)
})

describe('a placement that learns on two nodes', needs(realNatsServer), () => {
  const nats = useServer()
  const nodes = new Map<string, RunningNode>()
  let connection: Nats | undefined

  beforeAll(async () => {
    for (const nodeId of ['n1', 'n2']) {
      const flags = { dataDir: join(folder, nodeId), natsUrl: nats.server.url, nodeId }
      const free = { port: '0', adminPort: '0', logLevel: 'silent', shards: String(shards) }
      const { config } = readConfig(keys, { ...flags, ...free })
      nodes.set(nodeId, await startNode(config, { output: { write: () => {} } }))
    }
    connection = await nats.connect()
  })

  afterAll(async () => {
    await connection?.close()
    for (const node of nodes.values()) await node.close()
  }, 60_000)

  it('decides by the same versions on both, goes on when the publisher leaves, and each version is what the logs say', async () => {
    const [first, second] = nodes.values()
    if (first === undefined || second === undefined || connection === undefined)
      throw new Error('no nodes')
    await first.api.publishPlaybook(playbook)
    await vi.waitFor(async () => {
      expect(second.api.playbook()?.version).toBe(1)
    }, 20_000)
    await counts(first)
    await shown(first, 'boots', 40, 1)
    await shown(second, 'tents', 40, 20)
    await counted(first, 80)
    const version = await counted(second, 80)
    for (const node of [first, second])
      await vi.waitFor(async () => {
        expect(Number((await decide(node, 'a')).model)).toBeGreaterThanOrEqual(version)
      }, 20_000)

    const publisher = await coordinatorOf(first)
    await nodes.get(publisher)?.close()
    nodes.delete(publisher)
    const [left] = nodes.values()
    if (left === undefined) throw new Error('one node is left')
    await shown(left, 'boots', 40, 2)
    const last = await counted(left, 120)

    expect(last).toBeGreaterThan(version)
    const models = await JetStreamModels.open(connection, { replicas: 1, storageBytes: 2 ** 30 })
    for (let number = 1; number <= last; number++) {
      const stored = await models.at(number)
      if (stored === undefined) throw new Error(`no version ${number}`)
      const { made } = decodeVersion(stored.bytes)
      const again = await recomputed(connection, made)
      expect(Buffer.compare(again, stored.bytes), `version ${number}`).toBe(0)
    }
  }, 180_000)
})

async function coordinatorOf(node: RunningNode): Promise<string> {
  const { body } = await get(`${node.adminUrl}/v1/cluster`)
  return String(isFields(body) ? body.coordinator : undefined)
}

/** What the logs make of it, up to these positions. */
async function recomputed(
  connection: Nats,
  made: ReturnType<typeof decodeVersion>['made'],
): Promise<Uint8Array> {
  const all = await Promise.all(
    made.positions.map(async (position, shard) => {
      const replica = new BareShard(shard, shards)
      while (replica.state.applied < position) {
        const first = replica.state.applied + 1
        const inbox = `_INBOX_NODE.test-${shard}-${first}`
        const stream = subjects.stream(shard)
        const entries = await storedEntries(connection, systemClock, stream, first, inbox)
        for (const entry of entries) if (entry.sequence <= position) replica.fold(entry)
      }
      const { statistics, time } = replica.state
      return { shard, position, ...statistics.settled(time.now) }
    }),
  )
  const origin = { ...made, at: latestOf(all) }
  const placements = learnedPlacements(compilePlaybook(playbook))
  const sums = resultOf(summed(all))
  const input = { made: origin, placements, sums, trained: new Map(), cells: cellsMax }
  return encodeVersion(resultOf(makeVersion(input)))
}
