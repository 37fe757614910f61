import { describe, expect, test, vi } from 'vitest'
import type { Bus } from '../../src/runtime/ports.ts'
import { freshFrom } from './fresh.ts'
import { testIf } from './test-if.ts'

export interface BusUnderTest {
  readonly bus: Bus
  /** What was reported of handlers that failed. */
  readonly failures: readonly string[]
  close(): Promise<void>
  /** Resolves once what `bus` asked for so far is known to those it concerns. */
  settled(): Promise<void>
  /** The bus of another node. */
  another?(): Promise<Bus>
}

export interface BusSuiteOptions {
  readonly can: readonly 'another'[]
}

/** A busy machine delivers late. */
const waiting = { timeout: 20_000, interval: 5 }

/** The behaviour of every `Bus`. `open` gives a fresh one, on which nobody serves or listens. */
export function busSuite(
  name: string,
  open: () => Promise<BusUnderTest>,
  options: BusSuiteOptions,
): void {
  const fresh = freshFrom(open)

  describe(`${name} carries requests`, () => {
    test('to who serves the subject, and the answer back', async () => {
      const { bus } = await fresh()
      bus.serve('hs.node.a.ctl', (asked) => bytes(`${text(asked)}!`))
      bus.serve('hs.node.b.ctl', async (asked) => {
        await Promise.resolve()
        return bytes(`${text(asked)}?`)
      })

      const answers = await Promise.all([
        bus.request('hs.node.a.ctl', bytes('drain'), 5_000),
        bus.request('hs.node.b.ctl', bytes('drain'), 5_000),
      ])

      expect(answers.map(text)).toEqual(['drain!', 'drain?'])
    })

    test('and says UNAVAILABLE at once where nobody serves the subject', async () => {
      const { bus } = await fresh()
      const started = performance.now()

      const asked = bus.request('hs.node.nobody.ctl', bytes('drain'), 20_000)

      await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      expect(performance.now() - started).toBeLessThan(10_000)
    })

    test('and says TIMEOUT where no answer comes', async () => {
      const { bus } = await fresh()
      bus.serve('hs.node.a.ctl', () => new Promise<Uint8Array>(() => {}))

      const asked = bus.request('hs.node.a.ctl', bytes('drain'), 20)

      await expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' })
    })

    test('to a handler that throws, whose failure is reported and answers nothing', async () => {
      const { bus, failures } = await fresh()
      bus.serve('hs.node.a.ctl', () => {
        throw new Error('a faulty handler')
      })
      bus.serve('hs.node.b.ctl', () => Promise.reject(new Error('a faulty promise')))

      const asked = [
        bus.request('hs.node.a.ctl', bytes(''), 50),
        bus.request('hs.node.b.ctl', bytes(''), 50),
      ]

      await Promise.all(asked.map((one) => expect(one).rejects.toMatchObject({ code: 'TIMEOUT' })))
      await vi.waitUntil(() => failures.length >= 2, waiting)
      expect([...failures].sort()).toEqual([
        expect.stringContaining('a faulty handler'),
        expect.stringContaining('a faulty promise'),
      ])
    })

    testIf(options.can.includes('another'))('from one node to another', async () => {
      const { bus, another, settled } = await fresh()
      const other = (await another?.()) ?? bus
      bus.serve('hs.node.a.ctl', (asked) => bytes(`${text(asked)}!`))
      await settled()

      const answer = await other.request('hs.node.a.ctl', bytes('drain'), 5_000)

      expect(text(answer)).toBe('drain!')
    })
  })

  describe(`${name} shares a subject`, () => {
    test('so that requests and publications reach who serves it, and tell which they are', async () => {
      const { bus } = await fresh()
      const heard: [string, boolean][] = []
      bus.serveShared('hs.feed', async (message, isAsked) => {
        await Promise.resolve()
        heard.push([text(message), isAsked])
        return bytes(`${text(message)}!`)
      })

      const answer = await bus.request('hs.feed', bytes('asked'), 5_000)
      bus.publish('hs.feed', bytes('told'))
      await vi.waitUntil(() => heard.length === 2, waiting)

      expect(text(answer)).toBe('asked!')
      expect(heard).toEqual([
        ['asked', true],
        ['told', false],
      ])
    })

    test('whose failing handlers are reported, and answer nothing', async () => {
      const { bus, failures } = await fresh()
      bus.serveShared('hs.feed', () => Promise.reject(new Error('a faulty feed')))

      const asked = bus.request('hs.feed', bytes(''), 50)

      await expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' })
      bus.publish('hs.feed', bytes(''))
      await vi.waitUntil(() => failures.length === 2, waiting)
      expect(failures[1]).toContain('a faulty feed')
    })

    test('until it is closed, once what came before is answered', async () => {
      const { bus, settled } = await fresh()
      const answering = Promise.withResolvers<Uint8Array>()
      const begun = Promise.withResolvers<void>()
      const served = bus.serveShared('hs.feed', () => {
        begun.resolve()
        return answering.promise
      })

      const asked = bus.request('hs.feed', bytes(''), 5_000)
      await begun.promise
      let isClosed = false
      const closed = served.close().then(() => {
        isClosed = true
      })
      await settled()
      const wasClosed = isClosed
      answering.resolve(bytes('late'))
      const [answer] = await Promise.all([asked, closed])

      expect([text(answer), wasClosed, isClosed]).toEqual(['late', false, true])
      await expect(bus.request('hs.feed', bytes(''), 5_000)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      })
    })

    testIf(options.can.includes('another'))('among nodes: one gets each message', async () => {
      const { bus, another, settled } = await fresh()
      const other = (await another?.()) ?? bus
      const heard: string[] = []
      for (const one of [bus, other]) {
        one.serveShared('hs.feed', (message) => {
          heard.push(text(message))
          return bytes('taken')
        })
      }
      await settled()
      await other.request('hs.feed', bytes('0'), 5_000)

      const numbers = Array.from({ length: 20 }, (_, i) => `${i + 1}`)
      for (const number of numbers.slice(0, 10)) bus.publish('hs.feed', bytes(number))
      for (const number of numbers.slice(10)) await other.request('hs.feed', bytes(number), 5_000)
      await vi.waitUntil(() => heard.length >= 21, waiting)

      expect(heard.toSorted((a, b) => Number(a) - Number(b))).toEqual(['0', ...numbers])
    })
  })

  describe(`${name} carries publications`, () => {
    test('to all who listen to the subject, and to no others', async () => {
      const { bus } = await fresh()
      const [one, two, other]: string[][] = [[], [], []]
      bus.listen('hs.map', (message) => one?.push(text(message)))
      bus.listen('hs.map', (message) => two?.push(text(message)))
      bus.listen('hs.map.get', (message) => other?.push(text(message)))

      bus.publish('hs.map', bytes('1'))
      bus.publish('hs.map', bytes('2'))
      await vi.waitUntil(() => one?.length === 2 && two?.length === 2, waiting)

      expect([one, two, other]).toEqual([['1', '2'], ['1', '2'], []])
    })

    test('to a pattern, in which a star stands for exactly one token', async () => {
      const { bus } = await fresh()
      const heard: string[] = []
      bus.listen('hs.beat.*', (message) => heard.push(text(message)))

      for (const subject of ['hs.beat', 'hs.beat.a', 'hs.beat.a.b', 'hsxbeat.a', 'hs.beat.node-2'])
        bus.publish(subject, bytes(subject))
      await vi.waitUntil(() => heard.length === 2, waiting)

      expect(heard).toEqual(['hs.beat.a', 'hs.beat.node-2'])
    })

    test('after the publisher has returned', async () => {
      const { bus } = await fresh()
      const heard: string[] = []
      bus.listen('hs.map', (message) => heard.push(text(message)))

      bus.publish('hs.map', bytes('1'))
      const atOnce = [...heard]
      await vi.waitUntil(() => heard.length === 1, waiting)

      expect(atOnce).toEqual([])
    })

    test('past a listener that throws, whose failure is reported', async () => {
      const { bus, failures } = await fresh()
      const heard: string[] = []
      bus.listen('hs.map', () => {
        throw new Error('a faulty listener')
      })
      bus.listen('hs.map', (message) => heard.push(text(message)))

      bus.publish('hs.map', bytes('1'))
      bus.publish('hs.map', bytes('2'))
      await vi.waitUntil(() => heard.length === 2, waiting)

      expect(failures).toEqual([
        expect.stringContaining('a faulty listener'),
        expect.stringContaining('a faulty listener'),
      ])
    })

    testIf(options.can.includes('another'))('from one node to another', async () => {
      const { bus, another, settled } = await fresh()
      const other = (await another?.()) ?? bus
      const heard: string[] = []
      bus.listen('hs.beat.*', (message) => heard.push(text(message)))
      await settled()

      other.publish('hs.beat.b', bytes('beat'))
      await vi.waitUntil(() => heard.length === 1, waiting)

      expect(heard).toEqual(['beat'])
    })
  })
}

function bytes(value: string): Uint8Array {
  return Buffer.from(value)
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString()
}
