import { HalfsecondError } from '@halfsecond/protocol'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Client, type ClientOptions, connectOver } from '../src/index.ts'
import { mapOf, ScriptedTransport, unavailable } from './support/scripted-transport.ts'
import { keysText, tokenOf } from './support/token-of.ts'
import { turns } from './support/turns.ts'

const hourMs = 60 * 60_000

function start(
  options: ClientOptions = {},
  transport = new ScriptedTransport(),
): { transport: ScriptedTransport; client: Client } {
  const client = connectOver(transport, options)
  onTestFinished(() => client.close(0))
  return { transport, client }
}

describe('recording', () => {
  it('keeps one publish per shard under way, and fills the next batch meanwhile', async () => {
    const { transport, client } = start()
    await client.ready()
    const acks: ((sequence: number) => void)[] = []
    transport.onPublish = () => new Promise((resolve) => acks.push(resolve))
    const visitor = client.visitor({ anon: 'a' })

    void visitor.track('one')
    await turns()
    void visitor.track('two')
    const third = visitor.track('three')
    await turns()
    const before = transport.published.length
    acks[0]?.(5)
    await turns()
    acks[1]?.(6)

    expect(before).toBe(1)
    expect(transport.published).toMatchObject([
      { n: 1, names: ['one'] },
      { n: 2, names: ['two', 'three'] },
    ])
    expect(await third).toEqual({ shard: 0, incarnation: 7, sequence: 6 })
  })

  it('publishes to shards independently, in the order of the calls within each', async () => {
    const transport = new ScriptedTransport()
    transport.currentMap = mapOf(16)
    const { client } = start({}, transport)

    const recorded = Array.from({ length: 64 }, (_, i) =>
      client.visitor({ anon: `v${i % 8}` }).track(`e${i}`),
    )
    const positions = await Promise.all(recorded)

    const shards = new Set(positions.map((position) => position?.shard))
    expect(shards.size).toBeGreaterThan(1)
    for (const shard of shards) {
      const names = transport.published
        .filter((one) => one.shard === shard)
        .flatMap((one) => one.names)
      expect(names).toEqual(
        positions.flatMap((position, i) => (position?.shard === shard ? [`e${i}`] : [])),
      )
    }
  })

  it('sends a batch again with the same numbers until it is acknowledged', async () => {
    const { transport, client } = start()
    transport.onPublish = () => {
      if (transport.published.length < 3) throw unavailable()
      return 9
    }

    const position = await client.visitor({ anon: 'a' }).track('one')

    expect(position?.sequence).toBe(9)
    expect(transport.published.map(({ n }) => n)).toEqual([1, 1, 1])
    expect(client.stats()).toMatchObject({ recorded: 1, acknowledged: 1, retries: 2, dropped: {} })
  })

  it('fails the offending record only where the log refuses a batch for good', async () => {
    const { transport, client } = start()
    await client.ready()
    transport.onPublish = ({ names }) => {
      if (names.includes('bad')) throw new HalfsecondError('INVALID', 'bad')
      return transport.published.length
    }
    const visitor = client.visitor({ anon: 'a' })

    const recorded = await Promise.allSettled(
      ['a', 'b', 'bad', 'c', 'd'].map((name) => visitor.track(name)),
    )

    expect(recorded.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    const last = transport.published.filter(({ names }) => !names.includes('bad'))
    expect(last.map(({ n, names }) => [n, names])).toEqual([
      [1, ['a', 'b']],
      [4, ['c', 'd']],
    ])
    expect(client.stats().dropped).toEqual({ INVALID: 1 })
  })

  it('bounds what waits in bytes, before a map is known too, and takes more once there is room', async () => {
    const { transport, client } = start({ queueBytes: 256 * 1024 }, withoutNodes())
    const visitor = client.visitor({ anon: 'a' })
    const text = 'x'.repeat(8_000)

    const recorded: Promise<unknown>[] = []
    for (let i = 0; i < 40; i++) recorded.push(visitor.track('page', { text }))
    await expect(recorded[39]).rejects.toMatchObject({ code: 'QUEUE_FULL', retryable: true })
    const held = client.stats()
    transport.tell(mapOf(1))
    await recorded[0]
    await visitor.track('page', { text })

    expect(held.queuedBytes).toBeLessThanOrEqual(256 * 1024)
    expect(held.dropped.QUEUE_FULL).toBe(40 - held.recorded)
    expect(held.recorded).toBe(32)
    expect(transport.published[0]).toMatchObject({ n: 1 })
  })

  it('refuses a record that is too large or not valid, and counts it', async () => {
    const { client } = start()
    const visitor = client.visitor({ anon: 'a' })
    const list = Array.from({ length: 20 }, () => 'x'.repeat(4_000))

    await expect(visitor.track('page', { list })).rejects.toMatchObject({ code: 'TOO_LARGE' })
    await expect(visitor.track('display')).rejects.toMatchObject({ code: 'INVALID' })

    expect(client.stats().dropped).toEqual({ TOO_LARGE: 1, INVALID: 1 })
  })

  it('lets every promise be ignored', async () => {
    const { transport, client } = start({ tokenKeys: keysText })
    await client.ready()
    transport.onPublish = () => {
      throw new HalfsecondError('FORBIDDEN', 'no')
    }
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    onTestFinished(() => void process.off('unhandledRejection', unhandled))
    const visitor = client.visitor({ anon: 'a' })
    const decision = await visitor.decide('hero')

    void visitor.track('display')
    void visitor.track('page')
    void visitor.identify({ nowhere: 1 })
    void visitor.identify({ user: 'u' }, { tier: 'gold' })
    void visitor.setTraits({ a: Number.NaN })
    void visitor.consent('', true)
    void decision.displayed()
    void client.outcome('no token', 'click')
    // As of a form without the field.
    void client.outcome(JSON.parse('{}').token, 'click')
    void client.outcome(tokenOf(Date.now() + 1_000), 'click')
    void visitor.reset()
    await turns(20)

    expect(unhandled).not.toHaveBeenCalled()
    const { FORBIDDEN = 0, ...others } = client.stats().dropped
    expect(others).toEqual({ INVALID: 3, UNKNOWN_NAMESPACE: 1, MALFORMED: 2 })
    expect(FORBIDDEN).toBe(6)
  })

  it('goes on where the function that is told of problems throws', async () => {
    const onProblem = vi.fn(() => {
      throw new Error('my logger broke')
    })
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    const { transport, client } = start({ onProblem })
    transport.onPublish = () => {
      if (transport.published.length === 1) throw unavailable()
      return 1
    }

    const position = await client.visitor({ anon: 'a' }).track('page')

    expect(position?.sequence).toBe(1)
    expect(onProblem).toHaveBeenCalledOnce()
    expect((await warned).message).toContain('my logger broke')
  })
})

describe('giving up', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('tries for an hour, then says that the fate of the record is unknown', async () => {
    vi.useFakeTimers()
    const { transport, client } = start()
    transport.onPublish = () => {
      throw unavailable()
    }
    const first = client.visitor({ anon: 'a' }).track('first')
    const firstFate = expect(first).rejects.toMatchObject({ code: 'TIMEOUT' })

    await vi.advanceTimersByTimeAsync(15_000)
    const afterElection = transport.published.length
    await vi.advanceTimersByTimeAsync(hourMs / 2)
    const second = client.visitor({ anon: 'a' }).track('second')
    await vi.advanceTimersByTimeAsync(hourMs / 2)
    await firstFate
    transport.onPublish = () => 3
    await vi.advanceTimersByTimeAsync(5_000)

    expect(afterElection).toBeGreaterThan(8)
    expect((await second)?.sequence).toBe(3)
    expect(transport.published.at(-1)).toMatchObject({ n: 2, names: ['second'] })
    expect(client.stats()).toMatchObject({ dropped: { TIMEOUT: 1 }, queuedBytes: 0 })
  })

  it('spreads the tries of many servers', async () => {
    vi.useFakeTimers()
    const times: number[] = []
    for (let server = 0; server < 20; server++) {
      const { transport, client } = start()
      transport.onPublish = () => {
        if (transport.published.length === 4) times.push(performance.now())
        throw unavailable()
      }
      void client.visitor({ anon: 'a' }).track('page')
    }

    await vi.advanceTimersByTimeAsync(5_000)

    expect(times).toHaveLength(20)
    expect(new Set(times.map((time) => Math.round(time / 5))).size).toBeGreaterThan(4)
  })

  it('holds records for an hour where no node was ever found', async () => {
    vi.useFakeTimers()
    const { transport, client } = start({}, withoutNodes())
    const visitor = client.visitor({ anon: 'a' })
    const early = visitor.track('early')
    const earlyFate = expect(early).rejects.toMatchObject({ code: 'TIMEOUT' })

    await vi.advanceTimersByTimeAsync(hourMs / 2)
    const late = visitor.track('late')
    await vi.advanceTimersByTimeAsync(hourMs / 2 + 1_000)
    await earlyFate
    transport.currentMap = mapOf(1)
    await vi.advanceTimersByTimeAsync(1_000)

    expect(await late).toMatchObject({ sequence: 1 })
    expect(client.stats()).toMatchObject({ dropped: { TIMEOUT: 1 }, queuedBytes: 0 })
  })
})

describe('closing', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('waits for what was recorded', async () => {
    const { transport, client } = start()
    await client.ready()
    let acknowledge: (sequence: number) => void = () => {}
    transport.onPublish = () => new Promise((resolve) => (acknowledge = resolve))
    const recorded = client.visitor({ anon: 'a' }).track('page')
    await turns()

    const closed = client.close()
    await turns()
    const wasClosed = transport.isClosed
    acknowledge(4)
    await closed

    expect(wasClosed).toBe(false)
    expect((await recorded)?.sequence).toBe(4)
    expect(transport.isClosed).toBe(true)
  })

  it('fails what the log does not take in time, and every call after it', async () => {
    const { transport, client } = start()
    await client.ready()
    transport.onPublish = () => {
      throw unavailable()
    }
    const visitor = client.visitor({ anon: 'a' })
    const recorded = visitor.track('page')
    const fate = expect(recorded).rejects.toMatchObject({ code: 'CLOSED' })

    const closed = client.close(50)
    const after = visitor.track('page')
    await closed
    await fate
    const decision = await visitor.decide('hero')

    await expect(after).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(client.outcome('token', 'click')).rejects.toMatchObject({ code: 'CLOSED' })
    expect(decision).toMatchObject({ content: null, error: { code: 'CLOSED' } })
    expect(client.stats().dropped).toEqual({ CLOSED: 3 })
  })

  it('fails what waits for a node that was never found', async () => {
    const { client } = start({}, withoutNodes())
    const recorded = client.visitor({ anon: 'a' }).track('page')
    const ready = client.ready()
    const isReady = expect(ready).rejects.toMatchObject({ code: 'CLOSED' })

    await client.close(20)

    await expect(recorded).rejects.toMatchObject({ code: 'CLOSED' })
    await isReady
  })

  it('leaves no timer behind that would keep the process', async () => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'],
    })
    const { transport, client } = start()
    transport.onOutcome = () => Promise.resolve({ shard: 0, incarnation: 7, sequence: 12 })
    const visitor = client.visitor({ anon: 'a' })
    await client.ready()
    await Promise.all([
      visitor.track('page'),
      visitor.decide('hero'),
      client.outcome(tokenOf(Date.now() + 1_000), 'accept'),
    ])

    await client.close()

    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits for outcomes that a node checks', async () => {
    const { transport, client } = start()
    await client.ready()
    let settle: () => void = () => {}
    transport.onOutcome = () =>
      new Promise((resolve) => {
        settle = () => resolve({ shard: 0, incarnation: 7, sequence: 12 })
      })
    const reported = client.outcome(tokenOf(Date.now() + 1_000), 'accept')

    const closed = client.close()
    await turns()
    const wasClosed = transport.isClosed
    settle()
    await closed

    expect(wasClosed).toBe(false)
    expect((await reported).sequence).toBe(12)
  })
})

describe('an outcome by token', () => {
  it('is checked with the keys of the cluster where this server has them', async () => {
    const { transport, client } = start({ tokenKeys: keysText })

    await client.outcome(tokenOf(Date.now() + 1_000), 'accept')

    expect(transport.published).toMatchObject([{ names: ['outcome'] }])
    const foreign = tokenOf(Date.now() + 1_000, `k1:${Buffer.alloc(32, 9).toString('base64')}`)
    await expect(client.outcome(foreign, 'accept')).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  it('says why and how far, and is true after its token expired too', async () => {
    const { transport, client } = start({ tokenKeys: keysText })
    const expired = tokenOf(Date.now() - 1)

    await client.outcome(expired, 'reject', { reason: 'cancel' })
    await client.outcome(expired, 'unsubscribe', { across: 'group' })

    expect(transport.published).toMatchObject([{ names: ['outcome'] }, { names: ['outcome'] }])
    const wrong = client.outcome(expired, 'click', { across: 'group' })
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID' })
  })

  it('is tried again while the cluster is away, and the next decision waits for it', async () => {
    const { transport, client } = start()
    let tries = 0
    transport.onOutcome = () =>
      ++tries < 3
        ? Promise.reject(unavailable())
        : Promise.resolve({ shard: 0, incarnation: 7, sequence: 12 })

    await client.outcome(tokenOf(Date.now() + 1_000), 'accept')
    await client.visitor({ anon: 'a' }).decide('hero')

    expect(tries).toBe(3)
    expect(transport.asked[0]).toMatchObject([{ positions: [[0, 7, 12]] }])
    expect(client.stats()).toMatchObject({ recorded: 1, acknowledged: 1, retries: 2 })
  })

  it('needs the keys where no node checks', async () => {
    const transport = new ScriptedTransport()
    const without = new Proxy(transport, {
      get: (target, name) => (name === 'outcome' ? undefined : Reflect.get(target, name, target)),
    })
    const client = connectOver(without)
    onTestFinished(() => client.close(0))

    const reported = client.outcome(tokenOf(Date.now() + 1_000), 'accept')

    await expect(reported).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})

function withoutNodes(): ScriptedTransport {
  const transport = new ScriptedTransport()
  transport.currentMap = unavailable()
  return transport
}
