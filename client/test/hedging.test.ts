import type { ShardMap } from '@halfsecond/protocol'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Client, type ClientOptions, connectOver, type Decision } from '../src/index.ts'
import { answerTo, never, ScriptedTransport, unavailable } from './support/scripted-transport.ts'
import { turns } from './support/turns.ts'

/** What a replica does with a frame: answers, fails with a code, throws, or keeps silent. */
type Behaviour =
  | 'answers'
  | 'silent'
  | 'gone'
  | 'MOVED'
  | 'NOT_CAUGHT_UP'
  | 'OVERLOADED'
  | 'INVALID'

interface Cluster {
  readonly client: Client
  readonly transport: ScriptedTransport
  /** Nodes in the order in which they were asked. */
  readonly asked: string[]
  /** Who does not simply answer. */
  readonly nodes: { [node: string]: Behaviour }
}

function mapOf(replicas: readonly string[], epoch = 1, shards = 1): ShardMap {
  const [primary = 'n1', ...standbys] = replicas
  const entry = { incarnation: 7, primary, standbys }
  const all = Array.from({ length: shards }, () => entry)
  return { epoch, nodes: ['n1', 'n2', 'n3'], namespaces: [], shards: all }
}

async function start(
  nodes: { [node: string]: Behaviour },
  options: ClientOptions = {},
  map = mapOf(['n1', 'n2']),
): Promise<Cluster> {
  const transport = new ScriptedTransport()
  transport.currentMap = map
  const asked: string[] = []
  transport.onAsk = (questions, node) => {
    asked.push(node)
    const behaviour = nodes[node] ?? 'answers'
    if (behaviour === 'silent') return never()
    if (behaviour === 'gone') throw unavailable()
    if (behaviour === 'answers') return questions.map((one) => answerTo(one))
    return questions.map(() => ({ kind: 'error', error: { code: behaviour, message: 'so it is' } }))
  }
  const client = connectOver(transport, { defaults: { hero: 'Hello' }, ...options })
  onTestFinished(() => client.close(0))
  await client.ready()
  return { client, transport, asked, nodes }
}

function decide({ client }: Cluster, visitor = 'a'): Promise<Decision> {
  return client.visitor({ anon: visitor }).decide('hero')
}

/** Lets the primary do what it does only when it is told to. */
function holdBack({ transport }: Cluster): () => void {
  const { onAsk } = transport
  let release: () => void = () => {}
  transport.onAsk = async (questions, node) => {
    if (node === 'n1') await new Promise<void>((resolve) => (release = resolve))
    return onAsk(questions, node)
  }
  return () => release()
}

/** Asks, and lets the time pass that a late answer takes. */
async function decideLate(cluster: Cluster): Promise<Decision> {
  const decided = decide(cluster)
  await vi.advanceTimersByTimeAsync(60)
  return decided
}

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance'],
  })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('a primary that is late', () => {
  it('is not waited for: the standby is asked after 30 ms, for the same decision', async () => {
    const cluster = await start({ n1: 'silent' })
    const decided = decide(cluster)

    await vi.advanceTimersByTimeAsync(28)
    const early = [...cluster.asked]
    await vi.advanceTimersByTimeAsync(12)
    const decision = await decided

    expect(early).toEqual(['n1'])
    expect(cluster.asked).toEqual(['n1', 'n2'])
    expect(decision.reason).toBe('rules')
    expect(new Set(cluster.transport.asked.flat().map((one) => one.decision))).toEqual(
      new Set([decision.decision]),
    )
    expect(cluster.client.stats()).toMatchObject({ hedges: 1, hedgesWon: 1, decided: { rules: 1 } })
  })

  it('leaves the standby only the time that is left', async () => {
    const cluster = await start({ n1: 'silent' }, { deadlineMs: 100 })

    await decideLate(cluster)

    const deadline = cluster.transport.asked[1]?.[0]?.deadline
    expect(deadline).toBeGreaterThanOrEqual(60)
    expect(deadline).toBeLessThanOrEqual(70)
  })

  it('may still answer first', async () => {
    const cluster = await start({ n2: 'silent' })
    const answer = holdBack(cluster)
    const decided = decide(cluster)

    await vi.advanceTimersByTimeAsync(60)
    answer()
    const decision = await decided

    expect(decision.reason).toBe('rules')
    expect(cluster.asked).toEqual(['n2', 'n1'])
    expect(cluster.client.stats()).toMatchObject({ hedges: 1, hedgesWon: 0 })
  })

  it('is of no account once the standby has answered', async () => {
    const cluster = await start({})
    const answer = holdBack(cluster)

    await decideLate(cluster)
    cluster.nodes.n1 = 'NOT_CAUGHT_UP'
    answer()
    await vi.advanceTimersByTimeAsync(400)

    expect(cluster.asked).toEqual(['n2', 'n1'])
    expect(cluster.client.stats().decided).toEqual({ rules: 1 })
  })

  it('costs one frame for all its late questions of a turn', async () => {
    const cluster = await start({ n1: 'silent' }, {}, mapOf(['n1', 'n2'], 1, 4))
    const decided = Array.from({ length: 20 }, (_, i) => decide(cluster, `v${i}`))

    await vi.advanceTimersByTimeAsync(60)
    await Promise.all(decided)

    expect(cluster.asked).toEqual(['n1', 'n2'])
    expect(cluster.transport.asked[1]).toHaveLength(20)
    expect(cluster.client.stats()).toMatchObject({ hedges: 20, standbyFirst: 4 })
  })

  it('is not asked again while it may still answer', async () => {
    const cluster = await start({ n1: 'silent', n2: 'NOT_CAUGHT_UP' })
    const decided = decide(cluster)

    await vi.advanceTimersByTimeAsync(410)
    const decision = await decided

    expect(decision.error?.code).toBe('NOT_CAUGHT_UP')
    expect(cluster.asked.filter((node) => node === 'n1')).toHaveLength(1)
    expect(cluster.asked.filter((node) => node === 'n2').length).toBeGreaterThan(2)
  })

  it('is asked again once, when it and the standby both failed', async () => {
    const cluster = await start({ n1: 'NOT_CAUGHT_UP', n2: 'NOT_CAUGHT_UP' })
    const fail = holdBack(cluster)
    void decide(cluster)
    await vi.advanceTimersByTimeAsync(32)
    await turns()

    fail()
    await vi.advanceTimersByTimeAsync(25)
    const frames = cluster.transport.asked.length

    expect(cluster.asked).toEqual(['n2', 'n1'])
    expect(frames).toBe(3)
  })

  it('is still waited for where the connection seems to be lost', async () => {
    const cluster = await start({ n2: 'gone' })
    const answer = holdBack(cluster)
    const decided = decide(cluster)
    await turns()

    cluster.transport.isConnected = false
    await vi.advanceTimersByTimeAsync(100)
    answer()
    const decision = await decided

    expect(decision.reason).toBe('rules')
    expect(cluster.asked).toEqual(['n2', 'n1'])
  })

  it('becomes default content at the deadline where all others are silent too', async () => {
    const cluster = await start({ n1: 'silent', n2: 'silent' })
    const seen = vi.fn<(decision: Decision) => void>()
    void decide(cluster).then(seen)

    await vi.advanceTimersByTimeAsync(395)
    const early = seen.mock.calls.length
    await vi.advanceTimersByTimeAsync(13)

    expect(early).toBe(0)
    expect(seen.mock.calls[0]?.[0]).toMatchObject({ content: 'Hello', reason: 'deadline' })
    expect(cluster.asked).toEqual(['n1', 'n2'])
  })

  it('gives way to the new one that the map names meanwhile', async () => {
    const cluster = await start({ n1: 'silent', n2: 'silent' })
    const decided = decide(cluster)
    await vi.advanceTimersByTimeAsync(60)

    cluster.transport.tell(mapOf(['n3', 'n1'], 2))
    await vi.advanceTimersByTimeAsync(60)
    const decision = await decided

    expect(decision.reason).toBe('rules')
    expect(cluster.asked).toEqual(['n1', 'n2', 'n3'])
  })
})

describe('a replica that cannot answer', () => {
  it.each(['gone', 'MOVED', 'NOT_CAUGHT_UP', 'OVERLOADED'] as const)(
    '(%s) is left for the next one at once, which no budget limits',
    async (behaviour) => {
      const cluster = await start({ n1: behaviour })

      const decision = await decide(cluster)

      expect(decision.reason).toBe('rules')
      expect(cluster.asked).toEqual(['n1', 'n2'])
      expect(cluster.client.stats().hedges).toBe(0)
    },
  )

  it('is asked again after a pause, once all were asked', async () => {
    const cluster = await start({ n1: 'OVERLOADED', n2: 'OVERLOADED' })
    const decided = decide(cluster)
    await turns(8)
    const before = [...cluster.asked]

    cluster.nodes.n1 = 'answers'
    await vi.advanceTimersByTimeAsync(20)
    const decision = await decided

    expect(before).toEqual(['n1', 'n2'])
    expect(cluster.asked).toEqual(['n1', 'n2', 'n1'])
    expect(decision.reason).toBe('rules')
  })

  it('ends the question where no other would say otherwise', async () => {
    const cluster = await start({ n1: 'INVALID' })

    const decision = await decide(cluster)

    expect(decision.error?.code).toBe('INVALID')
    expect(cluster.asked).toEqual(['n1'])
  })

  it.each(['gone', 'MOVED'] as const)(
    '(%s) makes the map be fetched, not by every question',
    async (behaviour) => {
      const cluster = await start({ n1: behaviour })
      const fetched = vi.spyOn(cluster.transport, 'map')

      for (let i = 0; i < 10; i++) await decide(cluster)
      const soon = fetched.mock.calls.length
      await vi.advanceTimersByTimeAsync(60)
      await decide(cluster)

      expect(soon).toBe(1)
      expect(fetched).toHaveBeenCalledTimes(2)
    },
  )
})

describe('hedges', () => {
  it('are 256 at once, and one for ten questions from then on', async () => {
    const cluster = await start({ n1: 'silent', n2: 'silent' }, { deadlineMs: 100 })
    const hedges = async (questions: number) => {
      const before = cluster.client.stats().hedges
      for (let i = 0; i < questions; i++) void decide(cluster, `v${i}`)
      await vi.advanceTimersByTimeAsync(110)
      return cluster.client.stats().hedges - before
    }

    const burst = await hedges(500)
    const afterwards = await hedges(100)

    expect(burst).toBe(256)
    expect(afterwards).toBe(10)
  })

  it('are not sent for answers that arrived while this process itself paused', async () => {
    vi.useRealTimers()
    const cluster = await start({})
    const { onAsk } = cluster.transport
    cluster.transport.onAsk = (questions, node) =>
      new Promise((resolve) => {
        setImmediate(() => resolve(onAsk(questions, node)))
        const end = performance.now() + 60
        while (performance.now() < end);
      })

    const decision = await decide(cluster)

    expect(decision.reason).toBe('rules')
    expect(cluster.client.stats().hedges).toBe(0)
  })
})

describe('a shard whose primary was late three times in a row', () => {
  async function startLate(): Promise<Cluster> {
    const cluster = await start({ n1: 'silent' })
    for (let i = 0; i < 3; i++) await decideLate(cluster)
    cluster.asked.length = 0
    return cluster
  }

  it('is asked standby-first where the late answers came, but late', async () => {
    const cluster = await start({})
    const answer = holdBack(cluster)

    for (let i = 0; i < 3; i++) {
      await decideLate(cluster)
      answer()
      await turns()
    }
    cluster.asked.length = 0
    await decide(cluster)

    expect(cluster.asked).toEqual(['n2'])
  })

  it('is asked standby-first', async () => {
    const cluster = await startLate()

    const decision = await decide(cluster)

    expect(decision.reason).toBe('rules')
    expect(cluster.asked).toEqual(['n2'])
    expect(cluster.client.stats()).toMatchObject({ hedges: 3, standbyFirst: 1 })
  })

  it('has its primary for the hedge', async () => {
    const cluster = await startLate()
    cluster.nodes.n1 = 'answers'
    cluster.nodes.n2 = 'silent'

    const decision = await decideLate(cluster)

    expect(decision.reason).toBe('rules')
    expect(cluster.asked).toEqual(['n2', 'n1'])
  })

  it('is asked at its primary again after two seconds', async () => {
    const cluster = await startLate()
    cluster.nodes.n1 = 'answers'

    await vi.advanceTimersByTimeAsync(1_800)
    await decide(cluster)
    await vi.advanceTimersByTimeAsync(200)
    await decide(cluster)
    await decide(cluster)

    expect(cluster.asked).toEqual(['n2', 'n1', 'n1'])
  })

  it('is asked standby-first again at once where the primary is still late then', async () => {
    const cluster = await startLate()

    await vi.advanceTimersByTimeAsync(2_000)
    await decideLate(cluster)
    await decide(cluster)

    expect(cluster.asked).toEqual(['n1', 'n2', 'n2'])
    expect(cluster.client.stats().standbyFirst).toBe(2)
  })

  it('is asked at the new primary as soon as the map names one', async () => {
    const cluster = await startLate()

    cluster.transport.tell(mapOf(['n2', 'n1'], 2))
    await decide(cluster)

    expect(cluster.asked).toEqual(['n2'])
  })

  it('is not one whose primary answered in between', async () => {
    const cluster = await start({ n1: 'silent' })

    for (const behaviour of ['silent', 'silent', 'answers', 'silent', 'silent'] as const) {
      cluster.nodes.n1 = behaviour
      await decideLate(cluster)
    }
    cluster.asked.length = 0
    cluster.nodes.n1 = 'answers'
    await decide(cluster)

    expect(cluster.asked).toEqual(['n1'])
    expect(cluster.client.stats().standbyFirst).toBe(0)
  })
})
