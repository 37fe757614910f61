import { describe, expect, test } from 'vitest'
import type { Decisions } from '../../src/runtime/ports.ts'
import { freshFrom } from './fresh.ts'
import { testIf } from './test-if.ts'

export interface DecisionsUnderTest {
  readonly decisions: Decisions
  close(): Promise<void>
  /** Another view of the same data: after a restart, or from another node. */
  another?(): Promise<Decisions>
}

export interface DecisionsSuiteOptions {
  /** What it says the time is. */
  readonly now: () => number
  readonly can: readonly 'another'[]
}

const minute = 60_000
const day = 24 * 60 * minute

/** The behaviour of every `Decisions`. `open` gives a fresh, empty one. */
export function decisionsSuite(
  name: string,
  open: () => Promise<DecisionsUnderTest>,
  { now, can }: DecisionsSuiteOptions,
): void {
  const fresh = freshFrom(open)

  /** What was appended around now. */
  async function around(decisions: Decisions, partition: number): Promise<string[]> {
    return textsOf(decisions.find(partition, now() - minute, now() + minute))
  }

  describe(name, () => {
    test('has nothing at first, whatever it is asked for', async () => {
      const { decisions } = await fresh()

      expect(await around(decisions, 0)).toEqual([])
      expect(await textsOf(decisions.find(1, 0, 1))).toEqual([])
      expect(await decisions.remove(() => true)).toBe(0)
    })

    test('gives back what was appended to a partition, in order', async () => {
      const { decisions } = await fresh()

      await decisions.append(0, ['a', 'b'].map(entry))
      await decisions.append(1, ['other'].map(entry))
      await decisions.append(0, ['c'].map(entry))

      expect(await around(decisions, 0)).toEqual(['a', 'b', 'c'])
      expect(await around(decisions, 1)).toEqual(['other'])
      expect(await around(decisions, 2)).toEqual([])
    })

    test('gives what was appended in a span of time', async () => {
      const { decisions } = await fresh()
      await decisions.append(3, ['a'].map(entry))

      const before = decisions.find(3, now() - day, now() - minute)
      const behind = decisions.find(3, now() + minute, now() + day)

      expect(await textsOf(before)).toEqual([])
      expect(await textsOf(behind)).toEqual([])
      expect(await textsOf(decisions.find(3, now() - day, now() + day))).toEqual(['a'])
    })

    test('takes nothing without complaint', async () => {
      const { decisions } = await fresh()

      await decisions.append(0, [])

      expect(await around(decisions, 0)).toEqual([])
    })

    test('takes and gives more than fits one message', async () => {
      const { decisions } = await fresh()
      const texts = Array.from({ length: 3_000 }, (_, i) => `${i} `.padEnd(1_000, 'x'))

      await decisions.append(2, texts.map(entry))

      expect(await around(decisions, 2)).toEqual(texts)
    })

    test('can be left before its end', async () => {
      const { decisions } = await fresh()
      await decisions.append(0, ['a', 'b'].map(entry))

      const seen: string[] = []
      for await (const one of decisions.find(0, now() - minute, now() + minute)) {
        seen.push(Buffer.from(one).toString())
        break
      }

      expect(seen).toEqual(['a'])
      expect(await around(decisions, 0)).toEqual(['a', 'b'])
    })

    test('removes those of a kind, and still finds what stood beside them', async () => {
      const { decisions } = await fresh()
      await decisions.append(0, ['secret 1', 'a', 'secret 2', 'b'].map(entry))
      await decisions.append(0, ['secret 3'].map(entry))
      await decisions.append(1, ['c'].map(entry))

      const count = await decisions.remove((one) => Buffer.from(one).includes('secret'))
      await decisions.append(0, ['d'].map(entry))

      expect(count).toBe(3)
      expect((await around(decisions, 0)).sort()).toEqual(['a', 'b', 'd'])
      expect(await around(decisions, 1)).toEqual(['c'])
      expect(await textsOf(decisions.find(0, now() - day, now() - 2 * 60 * minute))).toEqual([])
    })

    test('removes from what an earlier removal left', async () => {
      const { decisions } = await fresh()
      await decisions.append(0, ['a', 'b', 'c'].map(entry))

      await decisions.remove((one) => Buffer.from(one).toString() === 'a')
      const count = await decisions.remove((one) => Buffer.from(one).toString() === 'b')

      expect(count).toBe(1)
      expect(await around(decisions, 0)).toEqual(['c'])
    })

    testIf(can.includes('another'))('shows the same to everybody, and goes on', async () => {
      const one = await fresh()
      await one.decisions.append(0, ['a'].map(entry))

      const other = (await one.another?.()) ?? one.decisions
      await other.append(0, ['b'].map(entry))

      expect(await around(other, 0)).toEqual(['a', 'b'])
    })
  })
}

function entry(text: string): Uint8Array {
  return Buffer.from(text)
}

async function textsOf(entries: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = []
  for await (const one of entries) texts.push(Buffer.from(one).toString())
  return texts
}
