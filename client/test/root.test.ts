import { HalfsecondError, type ShardMap, shardOf } from '@halfsecond/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Client, connectOver } from '../src/index.ts'
import { answerTo, ScriptedTransport } from './support/scripted-transport.ts'

/** Two shards on a node each; the visitor's is the first one, and their account's the second. */
const shards = 2
const visitor = { anon: nameAt(0) }

function nameAt(shard: number): string {
  for (let i = 0; ; i++) if (shardOf(`anon:v${i}`, shards) === shard) return `v${i}`
}

const map: ShardMap = {
  epoch: 1,
  nodes: ['n0', 'n1', 'n2'],
  namespaces: [],
  shards: [
    { incarnation: 7, primary: 'n0', standbys: [] },
    { incarnation: 7, primary: 'n1', standbys: ['n2'] },
  ],
}

type Behaviour = 'MOVED' | 'gone' | 'silent'

interface Cluster {
  readonly client: Client
  /** What was asked, as `node root`. */
  readonly asked: string[]
  /** Who does not simply answer. */
  readonly nodes: { [node: string]: Behaviour }
  /** Where the profile is, and whether the answer is to say so. */
  root: number
  more: object
}

async function start(): Promise<Cluster> {
  const transport = new ScriptedTransport()
  transport.currentMap = map
  const client = connectOver(transport, { defaults: {}, deadlineMs: 2_000 })
  onTestFinished(() => client.close(0))
  const cluster: Cluster = { client, asked: [], nodes: {}, root: 1, more: {} }
  transport.onAsk = (questions, node) => {
    for (const { root } of questions) cluster.asked.push(`${node} ${root ?? '-'}`)
    const behaviour = cluster.nodes[node]
    if (behaviour === 'silent') return new Promise(() => {})
    if (behaviour === 'gone') throw new HalfsecondError('UNAVAILABLE', 'nobody serves it')
    if (behaviour === 'MOVED')
      return questions.map(() => ({ kind: 'error', error: { code: 'MOVED', message: 'so it is' } }))
    const position = [cluster.root, 7, 1]
    return questions.map((one) => answerTo(one, { position, ...cluster.more }))
  }
  await client.ready()
  return cluster
}

async function decide({ client, asked }: Cluster): Promise<string> {
  asked.length = 0
  const { reason } = await client.visitor(visitor).decide('hero')
  return [...asked, reason].join(', ')
}

describe('a visitor whose profile is at home elsewhere', () => {
  it('is asked about there from the second question on', async () => {
    const cluster = await start()

    const first = await decide(cluster)
    const second = await decide(cluster)

    expect([first, second]).toEqual(['n0 -, rules', 'n1 1, rules'])
  })

  it('is asked about at home again once their profile is there', async () => {
    const cluster = await start()
    await decide(cluster)
    cluster.root = 0

    const there = await decide(cluster)
    const home = await decide(cluster)

    expect([there, home]).toEqual(['n1 1, rules', 'n0 -, rules'])
  })

  it('is not looked for where an answer tells of a position that was dropped', async () => {
    const cluster = await start()
    cluster.more = { positionReset: true }
    await decide(cluster)

    expect(await decide(cluster)).toBe('n0 -, rules')
  })

  it.each(['MOVED', 'gone'] as const)(
    'is asked about at home at once where whoever is asked there is %s',
    async (behaviour) => {
      const cluster = await start()
      await decide(cluster)
      cluster.nodes.n1 = behaviour

      expect(await decide(cluster)).toBe('n1 1, n0 -, rules')
    },
  )

  it('is asked about at a standby there, then at home, where nobody answers', async () => {
    const cluster = await start()
    await decide(cluster)
    cluster.nodes.n1 = 'silent'
    cluster.nodes.n2 = 'silent'

    expect(await decide(cluster)).toBe('n1 1, n2 1, n0 -, rules')
  })

  it('is forgotten there when no answer comes', async () => {
    const cluster = await start()
    await decide(cluster)
    for (const node of map.nodes) cluster.nodes[node] = 'silent'
    await cluster.client.visitor(visitor).decide('hero', { deadlineMs: 20 })
    for (const node of map.nodes) delete cluster.nodes[node]

    expect(await decide(cluster)).toBe('n0 -, rules')
  })
})
