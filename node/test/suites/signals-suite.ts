import { describe, expect, test } from 'vitest'
import type { Signals } from '../../src/runtime/ports.ts'
import { freshFrom } from './fresh.ts'
import { testIf } from './test-if.ts'

export interface SignalsUnderTest {
  readonly signals: Signals
  close(): Promise<void>
  /** Another view of the same data: after a restart, or from another node. */
  another?(): Promise<Signals>
}

export interface SignalsSuiteOptions {
  readonly can: readonly 'another'[]
}

/** The behaviour of every `Signals`. `open` gives a fresh, empty one. */
export function signalsSuite(
  name: string,
  open: () => Promise<SignalsUnderTest>,
  options: SignalsSuiteOptions,
): void {
  const fresh = freshFrom(open)

  describe(name, () => {
    test('has nothing at first, whatever it is asked for', async () => {
      const { signals } = await fresh()

      expect(await signals.read(0, 10)).toEqual([])
      expect(await signals.read(1_000_000, 10)).toEqual([])
      expect(await signals.read(Number.MAX_SAFE_INTEGER - 1, 10)).toEqual([])
    })

    test('gives back what was published, in order, with cursors that count', async () => {
      const { signals } = await fresh()

      await signals.publish(0, [of('0.1.1'), of('0.1.2')])
      await signals.publish(0, [of('0.1.3')])

      expect(await signals.read(0, 10)).toEqual([
        { cursor: 1, text: 'text of 0.1.1 – ä' },
        { cursor: 2, text: 'text of 0.1.2 – ä' },
        { cursor: 3, text: 'text of 0.1.3 – ä' },
      ])
    })

    test('gives what comes after a cursor, and no more than was asked for', async () => {
      const { signals } = await fresh()
      await signals.publish(1, ['1', '2', '3', '4', '5'].map(of))

      expect(cursors(await signals.read(2, 2))).toEqual([3, 4])
      expect(cursors(await signals.read(4, 10))).toEqual([5])
      expect(cursors(await signals.read(5, 10))).toEqual([])
    })

    test('has what is published again once', async () => {
      const { signals } = await fresh()
      await signals.publish(0, [of('0.1.1'), of('0.1.2')])

      await signals.publish(0, [of('0.1.1'), of('0.1.2'), of('0.1.3')])

      expect(texts(await signals.read(0, 10))).toEqual(['0.1.1', '0.1.2', '0.1.3'].map(textOf))
    })

    test('keeps the order of each shard while all publish at once', async () => {
      const { signals } = await fresh()
      const shards = [0, 1, 2, 3]

      await Promise.all(
        shards.map(async (shard) => {
          for (let n = 1; n <= 10; n++) await signals.publish(shard, [of(`${shard}.1.${n}`)])
        }),
      )

      const read = texts(await signals.read(0, 100))
      expect(read.length).toBe(40)
      for (const shard of shards) {
        const own = read.filter((text) => text.startsWith(`text of ${shard}.`))
        const numbers = Array.from({ length: 10 }, (_, i) => textOf(`${shard}.1.${i + 1}`))
        expect(own).toEqual(numbers)
      }
    })

    test('has once what many shards publish at once, in the order of each, also where some was there', async () => {
      const { signals } = await fresh()
      const shards = [0, 1, 2, 3]
      const idsOf = (shard: number) => Array.from({ length: 8 }, (_, i) => `${shard}.1.${i + 1}`)
      await signals.publish(2, idsOf(2).slice(0, 3).map(of))

      await Promise.all(shards.map((shard) => signals.publish(shard, idsOf(shard).map(of))))
      await Promise.all(shards.map((shard) => signals.publish(shard + 4, idsOf(shard + 4).map(of))))

      const read = await signals.read(0, 100)
      expect(cursors(read)).toEqual(Array.from({ length: 64 }, (_, i) => i + 1))
      for (const shard of [0, 1, 2, 3, 4, 5, 6, 7]) {
        const own = texts(read).filter((text) => text.startsWith(`text of ${shard}.`))
        expect(own).toEqual(idsOf(shard).map(textOf))
      }
    })

    test('reads more than fits one step', async () => {
      const { signals } = await fresh()
      const ids = Array.from({ length: 600 }, (_, i) => `2.1.${i + 1}`)
      await signals.publish(2, ids.map(of))

      const read = await signals.read(0, 1_000)

      expect(texts(read)).toEqual(ids.map(textOf))
      expect(cursors(read).at(-1)).toBe(600)
    })

    test('removes those of a kind, with a gap in the cursors, and gives no cursor twice', async () => {
      const { signals } = await fresh()
      await signals.publish(0, ['a', 'secret', 'b', 'secret last'].map(of))

      const count = await signals.remove((text) => text.includes('secret'))
      const left = await signals.read(0, 10)
      await signals.publish(0, [of('c')])

      expect(count).toBe(2)
      expect(cursors(left)).toEqual([1, 3])
      expect(await signals.read(1, 10)).toEqual([
        { cursor: 3, text: textOf('b') },
        { cursor: 5, text: textOf('c') },
      ])
    })

    testIf(options.can.includes('another'))(
      'shows the same to everybody, and goes on',
      async () => {
        const one = await fresh()
        await one.signals.publish(0, [of('0.1.1')])

        const other = (await one.another?.()) ?? one.signals
        await other.publish(0, [of('0.1.1'), of('0.1.2')])

        const read = await other.read(0, 10)
        expect(texts(read)).toEqual([textOf('0.1.1'), textOf('0.1.2')])
        expect(cursors(read)).toEqual([1, 2])
      },
    )
  })
}

function of(id: string): { readonly id: string; readonly text: string } {
  return { id, text: textOf(id) }
}

function textOf(id: string): string {
  return `text of ${id} – ä`
}

function texts(read: Awaited<ReturnType<Signals['read']>>): string[] {
  return read.map(({ text }) => text)
}

function cursors(read: Awaited<ReturnType<Signals['read']>>): number[] {
  return read.map(({ cursor }) => cursor)
}
