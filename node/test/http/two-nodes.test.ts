import { join } from 'node:path'
import { decode, encode, isFields, shardOf } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { useServer } from '../nats/server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'
import { get, post, postAs, postBytes } from './support/running-server.ts'

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

const visitors = Array.from({ length: 40 }, (_, i) => `anon:v${i}`)

/** Both hold some of the shards, and no shard is on both. */
describe('two nodes that hold different shards', needs(realNatsServer), () => {
  const nats = useServer()
  const folder = scratchFolder()
  const nodes: RunningNode[] = []

  beforeAll(async () => {
    for (const nodeId of ['n1', 'n2']) {
      const flags = { dataDir: join(folder, nodeId), natsUrl: nats.server.url, nodeId, shards: '4' }
      const free = { port: '0', adminPort: '0', logLevel: 'silent', standbys: '0' }
      const { config } = readConfig({}, { ...flags, ...free })
      nodes.push(await startNode(config, { output: { write: () => {} } }))
    }
    await postAs(`${admin(0)}/v1/playbook`, 'text/yaml', playbook)
    await vi.waitFor(
      async () => {
        const { body } = await get(`${admin(1)}/v1/cluster`)
        const all = isFields(body) && Array.isArray(body.nodes) ? body.nodes : []
        expect(all).toMatchObject([
          { id: 'n1', primaries: 2, standbys: 0, warming: 0 },
          { id: 'n2', primaries: 2, standbys: 0, warming: 0 },
        ])
        expect((await get(`${admin(1)}/v1/playbook`)).status).toBe(200)
      },
      { timeout: 20_000, interval: 100 },
    )
    const records = visitors.map((key) => {
      return { kind: 'event', name: 'page', id: `${key}-1`, key, properties: { path: '/' } }
    })
    const { body } = await post(`${nodes[0]?.url}/v1/events`, { records })
    const results = isFields(body) && Array.isArray(body.results) ? body.results : []
    const positions = results.map((one) => (isFields(one) ? one.position : undefined))
    for (const [i, position] of positions.entries()) {
      const asked = { identifiers: [visitors[i]], placements: ['home'], position, deadline: 2_000 }
      await vi.waitFor(
        async () =>
          expect((await post(`${nodes[1]?.url}/v1/decide`, asked)).body).toMatchObject({
            decisions: { home: { offer: 'tour', freshness: 'fresh' } },
          }),
        20_000,
      )
    }
  })

  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close()
  })

  function admin(i: number): string {
    return nodes[i]?.adminUrl ?? ''
  }

  it.each([0, 1])('give any profile, with why, from node %i', async (i) => {
    for (const visitor of visitors.slice(0, 8)) {
      const profile = await get(`${admin(i)}/v1/profiles/${visitor}`)
      const why = await get(`${admin(i)}/v1/profiles/${visitor}/why?placement=home`)

      expect(profile).toMatchObject({
        status: 200,
        type: 'application/json; charset=utf-8',
        body: { identifiers: [visitor], timeline: [{ kind: 'page' }] },
      })
      expect(why.body).toMatchObject({ explanations: [{ placement: 'home' }] })
    }
    expect((await get(`${admin(i)}/v1/profiles/anon:nobody${i}`)).status).toBe(404)
    const attic = await get(`${admin(i)}/v1/profiles/anon:v1/why?placement=attic`)
    expect(attic).toMatchObject({ status: 404, body: { code: 'UNKNOWN_PLACEMENT' } })
  })

  it.each([0, 1])('export every profile once from node %i', async (i) => {
    const { body } = await get(`${admin(i)}/v1/export`)

    const lines = String(body).trimEnd().split('\n')
    const exported = lines.map((line) => JSON.parse(line).identifiers[0])
    expect(exported.sort()).toEqual([...visitors].sort())
  })

  it('show the same person, whose fragments are on both, and split it', async () => {
    const members = visitors.slice(0, 4)
    const [first = ''] = members
    const link = { kind: 'link', to: 'user:ann', strength: 'authenticated' }
    const records = members.map((key) => ({ ...link, id: `${key}-l`, key }))
    expect((await post(`${nodes[0]?.url}/v1/events`, { records })).status).toBe(200)
    const of = async (i: number, identifier: string) => {
      const { body } = await get(`${admin(i)}/v1/profiles/${identifier}`)
      return isFields(body) ? body : {}
    }
    const identifiers = ['user:ann', ...members.toSorted().reverse()]
    for (const [i, one] of [
      [0, first],
      [1, first],
      [0, 'user:ann'],
      [1, 'user:ann'],
    ] as const)
      await vi.waitFor(async () => expect(await of(i, one)).toMatchObject({ identifiers }), 20_000)
    expect((await of(0, first)).timeline).toHaveLength(4)

    const asked = { a: first, b: 'user:ann' }
    expect((await post(`${admin(1)}/v1/profiles/split`, asked)).status).toBe(200)

    for (const i of [0, 1])
      await vi.waitFor(async () => {
        const left = identifiers.filter((one) => one !== first)
        expect(await of(i, 'user:ann')).toMatchObject({ identifiers: left })
        expect(await of(i, first)).toMatchObject({ identifiers: [first] })
      }, 20_000)
  })

  it('decide for a whole person, whose identifiers are at home on either of them', async () => {
    const people = Array.from({ length: 8 }, (_, i) => `p${i}`)
    const records = people.flatMap((id) => [
      { kind: 'event', name: 'page', id: `${id}-1`, key: `anon:${id}`, properties: { path: '/' } },
      {
        kind: 'link',
        id: `${id}-2`,
        key: `anon:${id}`,
        to: `user:${id}`,
        strength: 'authenticated',
      },
    ])
    await post(`${nodes[0]?.url}/v1/events`, { records })

    for (const node of nodes) {
      for (const id of people) {
        const asked = { identifiers: [`user:${id}`], placements: ['home'], deadline: 2_000 }
        await vi.waitFor(
          async () =>
            expect((await post(`${node.url}/v1/decide`, asked)).body).toMatchObject({
              decisions: { home: { offer: 'tour', freshness: 'fresh' } },
            }),
          20_000,
        )
      }
    }
  })

  it('recognise by one configuration, on whichever node it is applied', async () => {
    const shards = nodes[0]?.api.map().shards ?? []
    const owners = ['n1', 'n2'].map((id) =>
      ['user:a', 'user:b', 'user:c', 'user:d', 'user:e', 'user:f', 'user:g', 'user:h'].find(
        (one) => shards[shardOf(one, 4)]?.primary === id,
      ),
    )
    const link = { kind: 'link', strength: 'authenticated' }
    const records = owners.flatMap((to, owner) =>
      [0, 1, 2].map((i) => ({
        ...link,
        id: `of-${to}-${i}`,
        key: `anon:of-${owner}-${i}`,
        to,
        at: 1_795_000_000_000 + i,
      })),
    )
    expect((await post(`${nodes[0]?.url}/v1/events`, { records })).status).toBe(200)
    const text =
      'identity: shop\nnamespaces: { anon: { max: 2 }, loyalty: { class: account, rank: 5 } }'
    const plan = async () => (await postAs(`${admin(1)}/v1/identity/plan`, 'text/yaml', text)).body
    const changes = owners
      .toSorted((a = '', b = '') => shardOf(a, 4) - shardOf(b, 4))
      .map((profile) => ({ profile, members: 4, stays: { members: 3 }, refusing: 1 }))
    const mine = async () => {
      const planned = await plan()
      const listed = isFields(planned) && Array.isArray(planned.changes) ? planned.changes : []
      return listed.filter((one) => isFields(one) && owners.includes(String(one.profile)))
    }
    await vi.waitFor(async () => expect(await mine()).toMatchObject(changes), 20_000)

    const applied = await postAs(`${admin(1)}/v1/identity/apply?by=ann`, 'text/yaml', text)

    expect(applied).toMatchObject({ status: 200, body: { version: 1 } })
    await vi.waitFor(async () => expect(await plan()).toMatchObject({ changing: 0 }), 20_000)
    for (const i of [0, 1])
      await vi.waitFor(async () => {
        const shown = (await get(`${admin(i)}/v1/identity`)).body
        expect(shown).toMatchObject({ version: 1, by: 'ann' })
        expect(nodes[i]?.api.namespaces.get('loyalty')?.class).toBe('account')
      }, 20_000)
  })

  it('show the replicas that they hold in the order of their numbers', () => {
    for (const { api } of nodes) {
      const numbers = api.replicas().map(({ shard }) => shard)

      expect(numbers).toHaveLength(2)
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }
  })

  it('pass frames on to the node that they are for', async () => {
    const { body } = await get(`${admin(0)}/v1/cluster`)
    const shards = isFields(body) && Array.isArray(body.shards) ? body.shards : []
    const leader = (visitor: string) => {
      const shard: unknown = shards[shardOf(visitor, 4)]
      return isFields(shard) ? shard.primary : undefined
    }
    const visitor = visitors.find((one) => leader(one) === 'n2')
    const question = {
      kind: 'decide',
      decision: 'd1',
      identifiers: [visitor],
      placements: ['home'],
    }
    const questions = [{ ...question, deadline: 2_000, positions: [], pending: [] }]
    const frame = encode({ v: 1, questions })

    const here = decode(await postBytes(`${nodes[0]?.url}/v1/decide`, frame))
    const there = decode(await postBytes(`${nodes[0]?.url}/v1/decide?node=n2`, frame))

    expect(here).toMatchObject({ answers: [{ kind: 'error', error: { code: 'MOVED' } }] })
    expect(there).toMatchObject({
      answers: [{ kind: 'decision', placements: [{ placement: 'home' }] }],
    })
  })

  it('stop getting traffic once others lead what they led', async () => {
    const [first, second] = nodes
    const before = second?.api.health().ready
    const closing = second?.close()

    await vi.waitFor(
      () => {
        const { ready, problems } = second?.api.health() ?? {}
        expect({ before, ready }).toEqual({ before: true, ready: false })
        expect(problems).toContain('it is stopping: other nodes lead what it led')
        const primaries = first?.api.map().shards.map(({ primary }) => primary)
        expect(primaries).toEqual(['n1', 'n1', 'n1', 'n1'])
      },
      { timeout: 20_000 },
    )
    await closing
  })
})
