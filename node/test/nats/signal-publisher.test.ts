import { HalfsecondError } from '@halfsecond/protocol'
import type { Msg, MsgHdrs } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { gatherMs, SignalPublisher } from '../../src/nats/signal-publisher.ts'

test('signals that come while nothing was published lately do not wait', async () => {
  const { publisher, asked } = withServer()

  await publisher.publish(1, some('a', 2))

  expect(asked).toEqual(['hs.signal.1 a1', 'hs.signal.1 a2'])
})

test('what comes soon after waits, and goes as one batch of all shards', async () => {
  const { publisher, asked, clock } = withServer()
  await publisher.publish(1, some('a', 1))

  const rest = [1, 2, 3].map((shard) => publisher.publish(shard, some(`${shard}-`, 4)))
  await turn()
  const before = asked.length
  clock.advance(gatherMs)
  await Promise.all(rest)

  expect(before).toBe(1)
  expect(asked.slice(1)).toEqual(['hs.signal.3 3-4 #12'])
})

test('a batch that the server refuses is published one by one', async () => {
  const { publisher, asked, server } = withServer()
  server.batchAnswer = '{"error":{"err_code":10201,"description":"duplicate"}}'

  await publisher.publish(1, some('a', 10))

  expect(asked).toEqual([
    'hs.signal.1 a10 #10',
    ...some('a', 10).map(({ id }) => `hs.signal.1 ${id}`),
  ])
})

test('what a server does not take of one shard does not hold up another', async () => {
  const { publisher, server } = withServer()
  server.batchAnswer = '{"error":{"err_code":10174,"description":"incomplete"}}'
  server.refuses = 'bad1'

  const settled = await Promise.allSettled([
    publisher.publish(1, some('bad', 5)),
    publisher.publish(2, some('good', 5)),
  ])

  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})

test('where the server does not answer all that were in the batch are published again', async () => {
  const { publisher, server, clock, asked } = withServer()
  server.isAway = true
  const settled = await Promise.allSettled([
    publisher.publish(1, some('a', 5)),
    publisher.publish(2, some('b', 5)),
  ])
  server.isAway = false

  const again = publisher.publish(1, some('a', 5))
  await turn()
  clock.advance(gatherMs)
  await again

  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(asked).toEqual(some('a', 5).map(({ id }) => `hs.signal.1 ${id}`))
})

test('more than a batch may hold is divided between publications', async () => {
  const { publisher, asked } = withServer()

  await Promise.all([1, 2, 3].map((shard) => publisher.publish(shard, some(`${shard}-`, 200))))

  expect(asked).toEqual(['hs.signal.2 2-200 #400', 'hs.signal.3 3-200 #200'])
})

interface Server {
  isAway: boolean
  /** The id of a signal that it does not take. */
  refuses: string
  /** What it says of each batch, where it does not take them. */
  batchAnswer: string | undefined
}

/** A publisher, and what its server was asked to confirm: the subject, the id and the place in a batch. */
function withServer() {
  const clock = new ManualClock()
  const asked: string[] = []
  const server: Server = { isAway: false, refuses: '', batchAnswer: undefined }
  const nats = {
    publish: () => {},
    request: async (subject: string, _text: unknown, _ms: number, about?: MsgHdrs) => {
      await Promise.resolve()
      if (server.isAway) throw new HalfsecondError('TIMEOUT', 'no answer')
      const id = about?.get('Nats-Msg-Id')
      const place = about?.get('Nats-Batch-Sequence')
      asked.push(`${subject} ${id}${place ? ` #${place}` : ''}`)
      if (place && about?.get('Nats-Batch-Commit') === '1')
        return answer(server.batchAnswer ?? `{"seq":1,"count":${place}}`)
      return answer(
        id === server.refuses
          ? '{"error":{"err_code":10054,"description":"too large"}}'
          : '{"seq":1}',
      )
    },
  }
  return { publisher: new SignalPublisher(nats, clock, Math.random), clock, asked, server }
}

function answer(text: string): Pick<Msg, 'string'> {
  return { string: () => text }
}

function some(prefix: string, count: number) {
  return Array.from({ length: count }, (_, i) => {
    const id = `${prefix}${i + 1}`
    return { id, text: `text of ${id}` }
  })
}

/** Whatever has no timer to wait for is done. */
async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
