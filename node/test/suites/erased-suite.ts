import { describe, expect, test } from 'vitest'
import type { Erased, Tombstone } from '../../src/runtime/ports.ts'
import { freshFrom } from './fresh.ts'

export interface ErasedUnderTest {
  readonly erased: Erased
  close(): Promise<void>
}

/** The behaviour of every `Erased`. `open` gives a fresh one without tombstones. */
export function erasedSuite(name: string, open: () => Promise<ErasedUnderTest>): void {
  const opened = freshFrom(open)
  const fresh = async () => (await opened()).erased

  describe(name, () => {
    test('has no tombstones at first', async () => {
      const erased = await fresh()

      expect(await erased.get('a', 'e1')).toBeUndefined()
      expect(await allOf(erased)).toEqual([])
    })

    test('gives each tombstone as it was put last, by key and erase', async () => {
      const erased = await fresh()
      await erased.put(stone('a', 'e1'))
      await erased.put(stone('a', 'e2 of *. any > text'))
      await erased.put(stone('b', 'e1'))

      await erased.put({ ...stone('a', 'e1'), effectiveAt: 20 })

      expect(await erased.get('a', 'e1')).toEqual({ ...stone('a', 'e1'), effectiveAt: 20 })
      expect(await erased.get('b', 'e1')).toEqual(stone('b', 'e1'))
      expect(await allOf(erased)).toEqual(
        expect.arrayContaining([
          { ...stone('a', 'e1'), effectiveAt: 20 },
          stone('a', 'e2 of *. any > text'),
          stone('b', 'e1'),
        ]),
      )
      expect(await allOf(erased)).toHaveLength(3)
    })
  })
}

function stone(key: string, eraseId: string): Tombstone {
  return { shard: 3, key, eraseId, at: 10, effectiveAt: 0, expungedAt: 0 }
}

async function allOf(erased: Erased): Promise<Tombstone[]> {
  const all: Tombstone[] = []
  for await (const one of erased.since(0)) all.push(one)
  return all
}
