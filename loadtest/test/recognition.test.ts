import { type Client, connect } from '@halfsecond/client'
import { isFields, shardOf } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { needs, realNatsServer } from '../../deploy/test/requirements.ts'
import { ChaosCluster } from '../chaos/cluster.ts'

const shards = 8

/** Three processes on three servers on a small machine: elections take their time. */
const patience = { timeout: 90_000, interval: 250 }
const timeout = 240_000

describe('three nodes on three real servers', { ...needs(realNatsServer), timeout }, () => {
  let cluster: ChaosCluster
  const clients: Client[] = []

  beforeAll(async () => {
    cluster = await ChaosCluster.start({ shards })
    for (let i = 0; i < 3; i++)
      clients.push(connect(cluster.nats.url, { channel: `c${i}`, deadlineMs: 2_000 }))
    await Promise.all(clients.map((client) => client.ready(60_000)))
  }, timeout)

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()))
    await cluster?.stop()
  }, timeout)

  function client(i: number): Client {
    const one = clients[i % clients.length]
    if (one === undefined) throw new Error('there are clients')
    return one
  }

  async function person(identifier: string): Promise<Person> {
    const view = await cluster.admin(`/v1/profiles/${encodeURIComponent(identifier)}`)
    if (!isFields(view) || !Array.isArray(view.identifiers) || !Array.isArray(view.timeline))
      throw new Error('not a person')
    const ids = view.timeline.filter(isFields).map(({ id }) => String(id))
    return { identifiers: view.identifiers.map(String), events: ids.sort() }
  }

  test('ID-1 a hundred first hits of one cookie at once are one profile, with all of them', async () => {
    const hits = Array.from({ length: 100 }, (_, i) =>
      client(i)
        .visitor({ anon: 'first' })
        .track('numbered', { path: '/', number: i }, { id: `hit-${i}` }),
    )
    await Promise.all(hits)

    await vi.waitFor(async () => {
      const { identifiers, events } = await person('anon:first')
      expect(identifiers).toEqual(['anon:first'])
      expect(events).toEqual(Array.from({ length: 100 }, (_, i) => `hit-${i}`).sort())
    }, patience)
  })

  test('ID-9 a thousand browsers that log in as one user at once end in one profile', async () => {
    const browsers = Array.from({ length: 1_000 }, (_, i) => `b${i}`)

    const recorded = browsers.map(async (anon, i) => {
      const visitor = client(i).visitor({ anon })
      await Promise.all([
        visitor.track('numbered', { path: '/', number: i }, { id: `before-${i}` }),
        visitor.identify({ user: 'many' }),
      ])
    })
    await Promise.all(recorded)

    await vi.waitFor(async () => {
      const { identifiers, events } = await person('user:many')
      expect(identifiers).toHaveLength(1_001)
      expect(events).toEqual(browsers.map((_, i) => `before-${i}`).sort())
    }, patience)
  })

  test('ID-10 a merge while both sides are written to loses nothing and doubles nothing', async () => {
    const sent: string[] = []
    const write = async (i: number): Promise<void> => {
      const id = `both-${i}`
      sent.push(id)
      const identifiers = i % 2 === 0 ? { anon: 'left' } : { user: 'right' }
      await client(i).visitor(identifiers).track('numbered', { path: '/', number: i }, { id })
    }
    const before = Array.from({ length: 150 }, (_, i) => write(i))
    const merge = client(0).visitor({ anon: 'left' }).identify({ user: 'right' })
    const after = Array.from({ length: 150 }, (_, i) => write(150 + i))
    await Promise.all([...before, merge, ...after])

    await vi.waitFor(async () => {
      const { identifiers, events } = await person('anon:left')
      expect(identifiers).toEqual(['user:right', 'anon:left'])
      expect(events).toEqual(sent.sort())
    }, patience)
  })

  test('ID-18 a node killed in the middle of merges leaves each with one outcome', async () => {
    const people = Array.from({ length: 60 }, (_, i) => i)
    const merge = (i: number) =>
      client(i)
        .visitor({ anon: `k${i}` })
        .identify({ user: `k${i}` })
    const first = people.slice(0, 30).map(merge)
    const victim = cluster.nodes[1]
    if (victim === undefined) throw new Error('there are three nodes')
    await victim.stop('SIGKILL')
    const second = people.slice(30).map(merge)
    await Promise.all([...first, ...second])
    await victim.start()

    for (const i of people) {
      const expected = [`user:k${i}`, `anon:k${i}`]
      await vi.waitFor(async () => {
        expect((await person(`anon:k${i}`)).identifiers).toEqual(expected)
        expect((await person(`user:k${i}`)).identifiers).toEqual(expected)
      }, patience)
    }
  })

  test('a decide at any home that says it is fresh reflects what another home has just acknowledged', async () => {
    const homes = new Set<number>()
    const end = performance.now() + patience.timeout
    for (let i = 0; homes.size < 4 && performance.now() < end; i++) {
      const [anon, user] = [`w${i}`, `w${i}`]
      if (shardOf(`anon:${anon}`, shards) === shardOf(`user:${user}`, shards)) continue
      const web = client(0).visitor({ anon })
      await web.identify({ user })
      void client(0).visitor({ anon }).track('numbered', { path: '/', number: i })
      const shown = await client(0).visitor({ anon, user }).decide('page')
      // A node may be late, and the other home take longer than a decide waits for it: the answer says so.
      if (shown.error !== undefined || shown.freshness !== 'fresh') continue
      expect(shown.content).toMatchObject({ known: '1' })
      homes.add(shardOf(`anon:${anon}`, shards))
    }
    expect(homes.size).toBe(4)
  })
})

interface Person {
  readonly identifiers: readonly string[]
  /** Ids of everything in the timeline. */
  readonly events: readonly string[]
}
