import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { type MemoryBus, MemoryBusNetwork, type Passage } from '../../src/memory/memory-bus.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { busSuite } from '../suites/bus-suite.ts'
import { QuietObserver } from '../support/quiet-observer.ts'

busSuite(
  'the bus in memory',
  () => {
    const network = new MemoryBusNetwork(systemClock)
    const observer = new QuietObserver()
    const bus = network.connect('a', observer)
    return Promise.resolve({
      bus,
      failures: observer.failures,
      settled: () => Promise.resolve(),
      another: () => Promise.resolve(network.connect('b', observer)),
      close: () => bus.close(),
    })
  },
  { can: ['another'] },
)

describe('the network in memory', () => {
  test('loses, doubles, delays and so reorders what it is told to', () => {
    const { clock, network, a, heardBy } = threeNodes()
    const fates: Record<string, readonly number[]> = { lost: [], twice: [0, 10], late: [30] }
    const passages: Passage[] = []
    network.fate = (passage) => {
      passages.push(passage)
      return fates[passage.subject.split('.')[2] ?? ''] ?? [1]
    }

    for (const message of ['lost', 'late', 'twice', 'usual'])
      a.publish(`hs.beat.${message}`, bytes(message))
    clock.advance(20)
    const early = [...heardBy.b]
    clock.advance(20)

    expect(early).toEqual(['twice', 'usual', 'twice'])
    expect(heardBy.b).toEqual(['twice', 'usual', 'twice', 'late'])
    expect(passages).toContainEqual({
      kind: 'publication',
      from: 'a',
      to: 'b',
      subject: 'hs.beat.lost',
    })
  })

  test('loses what is on its way between two sides, until it heals', () => {
    const { clock, network, a, heardBy } = threeNodes()
    a.publish('hs.beat.a', bytes('1'))

    network.partition(['a'], ['b'])
    clock.advance(1)
    const parted = { ...heardBy, b: [...heardBy.b], c: [...heardBy.c] }
    network.heal()
    a.publish('hs.beat.a', bytes('2'))
    clock.advance(1)

    expect(parted).toEqual({ b: [], c: ['1'] })
    expect(heardBy).toEqual({ b: ['2'], c: ['1', '2'] })
  })

  test('lets a request to the other side time out, and one of a lone node fail at once', async () => {
    const { clock, network, a, b } = threeNodes()
    b.serve('hs.node.b.ctl', (asked) => asked)
    network.partition(['a'], ['b'])

    const parted = expect(a.request('hs.node.b.ctl', bytes(''), 500)).rejects.toMatchObject({
      code: 'TIMEOUT',
    })
    clock.advance(500)
    await parted
    a.isUp = false

    await expect(a.request('hs.node.b.ctl', bytes(''), 500)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
  })

  test('loses a reply by itself: what was asked for has taken place', async () => {
    const { clock, network, a, b } = threeNodes()
    const asked: string[] = []
    b.serve('hs.node.b.ctl', (request) => {
      asked.push(text(request))
      return request
    })
    network.fate = ({ kind }) => (kind === 'reply' ? [] : [0])

    const refused = expect(a.request('hs.node.b.ctl', bytes('drain'), 500)).rejects.toMatchObject({
      code: 'TIMEOUT',
    })
    clock.advance(500)
    await refused

    expect(asked).toEqual(['drain'])
  })

  test('asks all who serve a subject, and takes the first answer', async () => {
    const { clock, network, a, b, c } = threeNodes()
    b.serve('hs.map.get', () => bytes('of b'))
    c.serve('hs.map.get', () => bytes('of c'))
    network.fate = ({ kind, from }) => [kind === 'reply' && from === 'b' ? 50 : 1]

    const answer = a.request('hs.map.get', bytes(''), 500)
    clock.advance(2)
    await new Promise<void>((resolve) => setImmediate(resolve))
    clock.advance(2)

    expect(text(await answer)).toBe('of c')
  })

  test('forgets a node that has closed, and knows it again once it is back', async () => {
    const { clock, network, a, b, observer } = threeNodes()
    b.serve('hs.node.b.ctl', () => bytes('old'))

    await b.close()
    await expect(a.request('hs.node.b.ctl', bytes(''), 500)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    network.connect('b', observer).serve('hs.node.b.ctl', () => bytes('new'))
    const answer = a.request('hs.node.b.ctl', bytes(''), 500)
    for (let i = 0; i < 2; i++) {
      clock.advance(1)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }

    expect(text(await answer)).toBe('new')
  })
})

function threeNodes() {
  const clock = new ManualClock()
  const network = new MemoryBusNetwork(clock)
  const observer = new QuietObserver()
  const [a, b, c] = [
    network.connect('a', observer),
    network.connect('b', observer),
    network.connect('c', observer),
  ]
  const heardBy = { b: heard(b), c: heard(c) }
  return { clock, network, observer, a, b, c, heardBy }
}

/** What a node hears of beats. */
function heard(bus: MemoryBus): string[] {
  const messages: string[] = []
  bus.listen('hs.beat.*', (message) => messages.push(text(message)))
  return messages
}

function bytes(value: string): Uint8Array {
  return Buffer.from(value)
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString()
}
