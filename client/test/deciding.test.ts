import type { HalfsecondError } from '@halfsecond/protocol'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Client, type ClientOptions, connectOver } from '../src/index.ts'
import {
  answerTo,
  mapOf,
  never,
  numbersIn,
  readBatch,
  ScriptedTransport,
  unavailable,
} from './support/scripted-transport.ts'
import { tokenOf } from './support/token-of.ts'
import { turns } from './support/turns.ts'

function start(
  options: ClientOptions = {},
  transport = new ScriptedTransport(),
): { transport: ScriptedTransport; client: Client } {
  const client = connectOver(transport, { defaults: { hero: 'Hello' }, ...options })
  onTestFinished(() => client.close(0))
  return { transport, client }
}

/** A node that signs with this token. */
function signed(token: string): ScriptedTransport['onAsk'] {
  const propositions = [{ content: 'card', offer: 'card', treatment: 'banner', token }]
  const placements = [{ placement: 'hero', reason: 'rules', propositions }]
  return (questions) => questions.map((question) => answerTo(question, { placements }))
}

function errorAnswer(code: string): object {
  return { kind: 'error', error: { code, message: 'so it is' } }
}

describe('a decision', () => {
  it('says what to show and why', async () => {
    const { client } = start()

    const decision = await client.visitor({ anon: 'a' }).decide('hero')

    expect(decision).toMatchObject({
      placement: 'hero',
      content: 'card',
      offer: 'card',
      treatment: 'banner',
      token: expect.any(String),
      reason: 'rules',
      freshness: 'fresh',
      playbook: 3,
      error: undefined,
    })
    expect(decision.propositions).toHaveLength(1)
    expect(client.stats().decided).toEqual({ rules: 1 })
  })

  it('for a bot is asked for as such, with nothing that was recorded', async () => {
    const { transport, client } = start()
    await client.ready()
    transport.onPublish = () => never()
    const visitor = client.visitor({ anon: 'a' })
    void visitor.track('page')

    await visitor.decide('hero', { isBot: true })
    await visitor.decideAll(['hero', 'side'], { isBot: true })
    await visitor.decide('hero')

    const [[one] = [], [all] = [], [people] = []] = transport.asked
    expect([one, all].map((asked) => asked?.isBot)).toEqual([true, true])
    expect([one, all].map((asked) => asked?.pending)).toEqual([[], []])
    expect(people).not.toHaveProperty('isBot')
    expect(people?.pending).toHaveLength(1)
  })

  it('carries the records that are not acknowledged yet, and afterwards their position', async () => {
    const { transport, client } = start()
    await client.ready()
    let acknowledge: (sequence: number) => void = () => {}
    transport.onPublish = () => new Promise((resolve) => (acknowledge = resolve))
    const visitor = client.visitor({ anon: 'a' })

    const clicked = visitor.track('click_through')
    await visitor.decide('hero')
    acknowledge(41)
    await clicked
    await visitor.decide('hero')

    const [[first] = [], [second] = []] = transport.asked
    expect(first?.pending.map((batch) => readBatch(batch).names)).toEqual([['click_through']])
    expect(first?.positions).toEqual([])
    expect(second).toMatchObject({ pending: [], positions: [[0, 7, 41]] })
  })

  it('carries pending records in one batch with their numbers, those of others left out', async () => {
    const { transport, client } = start()
    await client.ready()
    transport.onPublish = () => never()
    const [mine, other] = [client.visitor({ anon: 'a' }), client.visitor({ anon: 'b' })]

    void mine.track('one')
    void other.track('two')
    void mine.track('three')
    void mine.track('four')
    await mine.decide('hero')

    const pending = transport.asked[0]?.[0]?.pending ?? []
    expect(pending).toHaveLength(1)
    expect(pending.map((batch) => readBatch(batch).names)).toEqual([['one', 'three', 'four']])
    expect(pending.map(numbersIn)).toEqual([[1, 3, 4]])
  })

  it('carries the newest pending records where there are too many for a question', async () => {
    const { transport, client } = start()
    await client.ready()
    transport.onPublish = () => never()
    const visitor = client.visitor({ anon: 'a' })

    for (let i = 0; i < 100; i++) void visitor.track(`e${i}`, { text: 'x'.repeat(2_000) })
    await visitor.decide('hero')

    const [batch = new Uint8Array(0)] = transport.asked[0]?.[0]?.pending ?? []
    expect(readBatch(batch).names.at(-1)).toBe('e99')
    expect(batch.length).toBeGreaterThan(40_000)
    expect(batch.length).toBeLessThan(64_000)
  })

  it('carries what was identified a moment ago, of every identifier', async () => {
    const { transport, client } = start()
    await client.ready()
    transport.onPublish = () => never()
    const visitor = client.visitor({ anon: 'a' })

    void visitor.track('page')
    void visitor.identify({ user: 'u' }, { tier: 'gold' })
    await visitor.decide('hero')

    const question = transport.asked[0]?.[0]
    expect(question?.identifiers).toEqual(['anon:a', 'user:u'])
    expect(question?.pending.map((batch) => readBatch(batch).names)).toEqual([
      ['page', 'link'],
      ['traits'],
    ])
  })

  it('keeps asking with the position once it was reflected, as another node may be behind', async () => {
    const { transport, client } = start()
    const visitor = client.visitor({ anon: 'a' })
    await visitor.track('page')

    await visitor.decide('hero')
    await visitor.decide('hero')

    expect(transport.asked.flat().map(({ positions }) => positions)).toEqual([
      [[0, 7, 1]],
      [[0, 7, 1]],
    ])
  })

  it('forgets positions of a log that was made anew', async () => {
    const { transport, client } = start()
    const visitor = client.visitor({ anon: 'a' })
    await visitor.track('page')
    transport.onAsk = (questions) =>
      questions.map((one) => answerTo(one, { positionReset: true, position: [0, 8, 1] }))

    await visitor.decide('hero')
    await visitor.decide('hero')

    expect(transport.asked.flat().map(({ positions }) => positions)).toEqual([[[0, 7, 1]], []])
  })

  it('travels with the others of its turn, several frames at a time where there are many', async () => {
    const { transport, client } = start()
    await client.ready()

    const decisions = await Promise.all(
      Array.from({ length: 100 }, (_, i) => client.visitor({ anon: `v${i}` }).decide('hero')),
    )

    expect(transport.asked.map((frame) => frame.length)).toEqual([48, 48, 4])
    expect(new Set(decisions.map(({ decision }) => decision)).size).toBe(100)
  })

  it('never makes a frame too large for a node', async () => {
    const { transport, client } = start()
    await client.ready()
    transport.onPublish = () => never()

    const decided = Array.from({ length: 48 }, (_, i) => {
      const visitor = client.visitor({ anon: `v${i}` })
      for (let n = 0; n < 5; n++) void visitor.track('page', { text: 'x'.repeat(8_000) })
      return visitor.decide('hero')
    })
    const decisions = await Promise.all(decided)

    expect(decisions.every(({ reason }) => reason === 'rules')).toBe(true)
    expect(transport.asked.length).toBeGreaterThan(5)
  })

  it('has one id for all placements, and says unknown ones apart', async () => {
    const { transport, client } = start()
    transport.onAsk = ([question]) => {
      if (question === undefined) return []
      const error = { code: 'UNKNOWN_PLACEMENT', message: 'no such' }
      const known = { ...question, placements: ['hero'] }
      const { placements, ...answer } = Object(answerTo(known))
      return [{ ...answer, placements: [...placements, { placement: 'typo', error }] }]
    }

    const { hero, typo } = await client.visitor({ anon: 'a' }).decideAll(['hero', 'typo'])

    expect(hero).toMatchObject({ content: 'card', error: undefined })
    expect(typo).toMatchObject({
      content: null,
      reason: 'unavailable',
      error: { code: 'UNKNOWN_PLACEMENT' },
    })
    expect(typo?.decision).toBe(hero?.decision)
  })

  it('records what became of it, for the visitor it was made for', async () => {
    const { transport, client } = start()
    transport.onAsk = signed(tokenOf(0))
    const decision = await client.visitor({ anon: 'a' }).decide('hero')

    const position = await decision.displayed()
    await decision.propositions[0].accepted()

    expect(position).toMatchObject({ shard: 0, incarnation: 7 })
    expect(transport.published.map(({ names }) => names)).toEqual([['outcome'], ['outcome']])
  })

  it('of which no token can be read counts what became of it as dropped', async () => {
    const { transport, client } = start()
    transport.onAsk = signed('no-token')
    const decision = await client.visitor({ anon: 'a' }).decide('hero')

    await expect(decision.displayed()).rejects.toMatchObject({ code: 'MALFORMED' })

    expect(client.stats().dropped).toEqual({ MALFORMED: 1 })
    expect(transport.published).toEqual([])
  })
})

describe('without an answer', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('shows default content after the deadline, with the reason', async () => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance'],
    })
    const { transport, client } = start()
    await client.ready()
    transport.onAsk = () => never()
    const seen = vi.fn()
    void client.visitor({ anon: 'a' }).decide('hero').then(seen)
    await turns()

    await vi.advanceTimersByTimeAsync(395)
    const early = seen.mock.calls.length
    await vi.advanceTimersByTimeAsync(10)

    expect(early).toBe(0)
    expect(seen.mock.calls[0]?.[0]).toMatchObject({
      content: 'Hello',
      reason: 'deadline',
      freshness: 'stale',
      playbook: 0,
      error: { code: 'TIMEOUT' },
    })
    expect(client.stats().decided).toEqual({ deadline: 1 })
  })

  it.each([
    [100, 100],
    [Number.POSITIVE_INFINITY, 2_000],
    [60_000, 2_000],
    [Number.NaN, 400],
    [-5, 1],
  ])('waits as told, %d ms, never longer than two seconds', async (deadlineMs, expected) => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance'],
    })
    const { transport, client } = start()
    await client.ready()
    transport.onAsk = () => never()
    const startedAt = performance.now()
    let tookMs = 0
    void client
      .visitor({ anon: 'a' })
      .decide('hero', { deadlineMs })
      .then(() => {
        tookMs = performance.now() - startedAt
      })

    await turns()
    await vi.advanceTimersByTimeAsync(2_100)

    expect(tookMs).toBeGreaterThanOrEqual(expected)
    expect(tookMs).toBeLessThanOrEqual(expected + 8)
  })

  it('tells the node how long it still waits', async () => {
    const { transport, client } = start({ deadlineMs: 2_000 })
    await client.ready()

    await client.visitor({ anon: 'a' }).decide('hero')

    const deadline = transport.asked[0]?.[0]?.deadline
    expect(deadline).toBeGreaterThan(400)
    expect(deadline).toBeLessThanOrEqual(2_000)
  })

  it('records nothing for default content', async () => {
    const { transport, client } = start()
    transport.isConnected = false
    transport.onAsk = () => {
      throw unavailable()
    }
    const decision = await client.visitor({ anon: 'a' }).decide('hero')

    const recorded = await decision.displayed()

    expect(decision.token).toBeUndefined()
    expect(recorded).toBeUndefined()
    expect(transport.published).toEqual([])
  })

  it('does not wait where there is no connection', async () => {
    const { transport, client } = start({ deadlineMs: 2_000 })
    await client.ready()
    transport.isConnected = false
    transport.onAsk = () => {
      throw unavailable()
    }

    const decision = await client.visitor({ anon: 'a' }).decide('hero')

    expect(decision).toMatchObject({ reason: 'unavailable', error: { code: 'UNAVAILABLE' } })
    expect(transport.asked).toHaveLength(1)
  })

  it('asks where the map says, once a node no longer holds the shard', async () => {
    const { transport, client } = start()
    await client.ready()
    const nodes: string[] = []
    transport.onAsk = (questions, node) => {
      nodes.push(node)
      return questions.map((one) => (node === 'n1' ? errorAnswer('MOVED') : answerTo(one)))
    }
    const entry = { incarnation: 7, primary: 'n2', standbys: [] }
    transport.currentMap = { epoch: 2, nodes: ['n2'], namespaces: [], shards: [entry] }

    const decision = await client.visitor({ anon: 'a' }).decide('hero')

    expect(decision.reason).toBe('rules')
    expect(nodes).toEqual(['n1', 'n2'])
  })

  it('asks an overloaded node ever more seldom', async () => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance'],
    })
    const { transport, client } = start({ deadlineMs: 400 })
    await client.ready()
    transport.onAsk = (questions) => questions.map(() => errorAnswer('OVERLOADED'))

    const decided = client.visitor({ anon: 'a' }).decide('hero')
    await turns()
    await vi.advanceTimersByTimeAsync(410)
    const decision = await decided

    expect(decision).toMatchObject({ reason: 'unavailable', error: { code: 'OVERLOADED' } })
    expect(transport.asked.length).toBeGreaterThan(2)
    expect(transport.asked.length).toBeLessThan(8)
  })

  it('does not ask again what can never be answered', async () => {
    const { transport, client } = start()
    transport.onAsk = (questions) => questions.map(() => errorAnswer('INVALID'))

    const decision = await client.visitor({ anon: 'a' }).decide('hero')

    expect(decision.error?.code).toBe('INVALID')
    expect(transport.asked).toHaveLength(1)
  })

  it('takes an answer that makes no sense for none', async () => {
    const { transport, client } = start()
    transport.onAsk = () => []

    const decision = await client.visitor({ anon: 'a' }).decide('hero')

    expect(decision).toMatchObject({ content: 'Hello', error: { code: 'MALFORMED' } })
  })
})

describe('before a node was found', () => {
  function lost(): ScriptedTransport {
    const transport = new ScriptedTransport()
    transport.currentMap = unavailable()
    return transport
  }

  it('a decision waits for it, and then carries what was recorded before', async () => {
    const { transport, client } = start({}, lost())
    transport.onPublish = () => never()
    const visitor = client.visitor({ anon: 'a' })

    void visitor.track('page')
    const decided = visitor.decide('hero')
    await turns()
    transport.tell(mapOf(1))
    const decision = await decided

    expect(decision.reason).toBe('rules')
    const pending = transport.asked[0]?.[0]?.pending ?? []
    expect(pending.map((batch) => readBatch(batch).names)).toEqual([['page']])
  })

  it('a decision waits no longer than its deadline', async () => {
    const { client } = start({ deadlineMs: 30 }, lost())

    const decision = await client.visitor({ anon: 'a' }).decide('hero')

    expect(decision).toMatchObject({ content: 'Hello', error: { code: 'UNAVAILABLE' } })
  })

  it('a client is not ready, and says what to look at', async () => {
    const { client } = start({}, lost())

    await expect(client.ready(20)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('problems are told', async () => {
    const onProblem = vi.fn<(problem: HalfsecondError) => void>()
    const { transport, client } = start({ onProblem }, lost())

    await turns()
    transport.tell(mapOf(1))
    await client.ready()

    expect(onProblem.mock.calls[0]?.[0]).toMatchObject({ code: 'UNAVAILABLE' })
  })
})
