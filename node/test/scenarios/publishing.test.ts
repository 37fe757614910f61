import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { get, post, postAs } from '../http/support/running-server.ts'
import { useServer } from '../nats/server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const versions = 8
const askersPerNode = 3

/** What a version shows names it, so that an answer can be held against what it says of itself. */
function playbook(version: number): string {
  const offers = Array.from(
    { length: 60 },
    (_, i) => `  o${i}: { when: 'count("page", "${i + 1}d") > ${i}', treatments: { banner: x } }`,
  )
  return `playbook: v${version}
consent: { personalise: assumed }
events: { page: {} }
placements: { home: { channel: web, format: banner, fallback: none } }
offers:
${offers.join('\n')}
  best: { priority: 1, treatments: { banner: v${version} } }
`
}

describe('publishing while two nodes decide', needs(realNatsServer), () => {
  const nats = useServer()
  const folder = scratchFolder()
  const nodes: RunningNode[] = []

  beforeAll(async () => {
    for (const nodeId of ['n1', 'n2']) {
      const flags = { dataDir: join(folder, nodeId), natsUrl: nats.server.url, nodeId, shards: '4' }
      const free = { port: '0', adminPort: '0', logLevel: 'silent', memoryBytes: '16MiB' }
      const { config } = readConfig({}, { ...flags, ...free })
      nodes.push(await startNode(config, { output: { write: () => {} } }))
    }
    expect(await publish(0, 1)).toMatchObject({ status: 200, body: { version: 1 } })
    const records = Array.from({ length: 40 }, (_, i) => {
      return { kind: 'event', name: 'page', id: `p${i}`, key: `anon:v${i}`, properties: {} }
    })
    expect((await post(`${nodes[0]?.url}/v1/events`, { records })).status).toBe(200)
    await vi.waitFor(async () => expect(await home(1, 'v0')).toMatchObject({ playbook: 1 }), 20_000)
  })

  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close()
  })

  async function home(node: number, visitor: string): Promise<unknown> {
    const question = { identifiers: { anon: visitor }, placements: ['home'], deadline: 2_000 }
    const { status, body } = await post(`${nodes[node]?.url}/v1/decide`, question)
    const decisions = isFields(body) ? body.decisions : undefined
    return status === 200 && isFields(decisions) ? decisions.home : { status, body }
  }

  function publish(node: number, version: number) {
    return postAs(`${nodes[node]?.adminUrl}/v1/playbook?by=ann`, 'text/yaml', playbook(version))
  }

  it('causes no error, and no answer that does not say by which version it was made', async () => {
    let isDone = false
    const wrong: unknown[] = []
    const seen = new Set<unknown>()
    const ask = async (node: number, asker: number) => {
      for (let i = 0; !isDone; i++) {
        const answer = await home(node, `v${(i + asker * 7) % 40}`)
        const { playbook: version, content, reason } = isFields(answer) ? answer : {}
        seen.add(version)
        if (content !== `v${version}` || reason !== 'rules') wrong.push(answer)
      }
    }
    const asking = [0, 1].flatMap((node) =>
      Array.from({ length: askersPerNode }, (_, asker) => ask(node, asker)),
    )
    for (let version = 2; version <= versions; version++)
      expect(await publish(version % 2, version)).toMatchObject({
        status: 200,
        body: { version, lacking: [], trial: { timelines: 40, partial: 0 } },
      })
    const last = await Promise.all([home(0, 'v1'), home(1, 'v2')])
    isDone = true
    await Promise.all(asking)

    expect(wrong).toEqual([])
    expect(seen.size).toBeGreaterThan(versions / 2)
    expect(last).toMatchObject([{ playbook: versions }, { playbook: versions }])
  }, 60_000)

  it('tells the same history on every node', async () => {
    const [one, other] = await Promise.all(
      [0, 1].map((node) => get(`${nodes[node]?.adminUrl}/v1/playbook/versions`)),
    )

    expect(other?.body).toEqual(one?.body)
    expect(one?.body).toMatchObject({
      versions: Array.from({ length: versions }, (_, i) => ({ version: versions - i, by: 'ann' })),
    })
  })

  it('tries a playbook on timelines of both nodes', async () => {
    const strict = playbook(99)
      .replace('{ priority: 1,', `{ when: 'count("page", "1d") > 5',`)
      .replaceAll(/^ {2}o\d+:.*\n/gm, '')

    const refused = await postAs(`${nodes[1]?.adminUrl}/v1/playbook`, 'text/yaml', strict)

    expect(refused).toMatchObject({
      status: 422,
      body: {
        code: 'INVALID',
        detail: expect.stringContaining(
          'home would show default content to 100 % instead of 0 % of the last 40 timelines',
        ),
      },
    })
  })
})
