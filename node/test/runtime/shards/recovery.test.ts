import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import type { Store } from '../../../src/runtime/ports.ts'
import { LmdbStore } from '../../../src/store/lmdb-store.ts'
import { BareShard } from '../../support/bare-shard.ts'
import {
  bytesOf,
  historySentTwice,
  keysOfHistories,
  type Sending,
} from '../../support/histories.ts'
import { start } from '../../support/records.ts'
import { Replica, type World } from '../../support/replica.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'

const otherSteps = ['look', 'hold', 'work', 'fail', 'crash', 'crash landed', 'time passes'] as const

type Step =
  | { readonly do: 'deliver'; readonly count: number }
  | { readonly do: (typeof otherSteps)[number] }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('deliver'), count: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(...otherSteps),
    }),
  },
)

const folder = scratchFolder()

/** What the log holds: the sendings, and now and then something that no rule accepts. */
function entriesOf(sendings: readonly Sending[]): Uint8Array[] {
  return sendings.flatMap((sending, i) =>
    i % 5 === 2 ? [bytesOf(sending), new Uint8Array([0xc1, i])] : [bytesOf(sending)],
  )
}

/** The same log, folded from its start on plain maps, as far as asked. */
class Oracle {
  readonly bare = new BareShard()
  private readonly entries: readonly Uint8Array[]

  constructor(entries: readonly Uint8Array[]) {
    this.entries = entries
  }

  at(sequence: number): BareShard {
    for (const bytes of this.entries.slice(this.bare.state.applied, sequence))
      this.bare.take(bytes, start + 200_000)
    return this.bare
  }

  get atEnd(): BareShard {
    return this.at(this.entries.length)
  }
}

/** Follows, writes, fails and dies as the steps say; then everything is folded and written. */
async function live(
  entries: readonly Uint8Array[],
  steps: readonly Step[],
  budgetBytes: number,
  disk: Store,
): Promise<Replica> {
  const clock = new ManualClock(start + 200_000)
  const log = new MemoryLog(1, () => start + 200_000)
  log.isAutomatic = false
  const world: World = { log, disk, clock }
  for (const bytes of entries) await log.append(0, bytes, 'log')
  let replica = await Replica.start(world, budgetBytes)
  for (const one of steps) {
    const { store, shard } = replica
    switch (one.do) {
      case 'deliver':
        log.deliver(0, one.count)
        break
      case 'look':
        expectSameFacts(replica, new Oracle(entries).at(shard.state.applied))
        break
      case 'hold':
        store.mode = 'holds'
        break
      case 'work':
        await store.landHeld()
        store.mode = 'works'
        break
      case 'fail':
        store.failHeld()
        store.mode = 'fails'
        break
      case 'time passes':
        await replica.pass(1_500)
        break
      case 'crash':
      case 'crash landed':
        if (one.do === 'crash landed') await store.landHeld()
        await replica.crash()
        replica = await Replica.start(world, budgetBytes)
        break
    }
  }
  await replica.store.landHeld()
  replica.store.mode = 'works'
  log.deliver(0)
  await replica.flush()
  return replica
}

function expectSameFacts(replica: Replica, oracle: BareShard): void {
  const { shard } = replica
  expect(shard.state.applied).toBe(oracle.state.applied)
  expect(shard.state.digest.toString()).toBe(oracle.digest.toString())
  for (const key of keysOfHistories) expect(replica.view(shard, key)).toEqual(oracle.view(key))
  for (const producer of ['p0', 'p1', 'p2', 'p3'])
    expect(shard.state.producers.last(producer, 0)).toBe(oracle.state.producers.last(producer, 0))
}

function expectEqual(replica: Replica, oracle: BareShard): void {
  expectSameFacts(replica, oracle)
  expect(replica.deadLetters(replica.shard)).toEqual(
    oracle.letters.map(({ sequence, index }) => `${sequence}.${index}`),
  )
}

const budgets = fc.constantFrom(0, 3_000, 1024 ** 3)

test('a replica that died at any point folds what its store lacks, and is as if it had lived', async () => {
  await fc.assert(
    fc.asyncProperty(
      historySentTwice,
      fc.array(step, { maxLength: 40 }),
      budgets,
      async ({ first }, steps, budgetBytes) => {
        const disk = new MemoryStore()
        const entries = entriesOf(first)
        const replica = await live(entries, steps, budgetBytes, disk)
        const oracle = new Oracle(entries).atEnd
        expectEqual(replica, oracle)

        // What is on disk alone says the same.
        await replica.crash()
        const clock = new ManualClock()
        const log = new MemoryLog(1, () => start)
        log.isAutomatic = false
        const restarted = await Replica.start({ log, disk, clock }, budgetBytes)
        expectEqual(restarted, oracle)
      },
    ),
    { numRuns: 120 },
  )
})

test('the same on LMDB', async () => {
  let runs = 0
  await fc.assert(
    fc.asyncProperty(
      historySentTwice,
      fc.array(step, { minLength: 10, maxLength: 30 }),
      async ({ first }, steps) => {
        const path = join(folder, `store-${runs++}`)
        const disk = new LmdbStore(path, 1)
        const entries = entriesOf(first)
        const replica = await live(entries, steps, 0, disk)
        const oracle = new Oracle(entries).atEnd
        expectEqual(replica, oracle)
        await replica.crash()
        await disk.close()

        const again = new LmdbStore(path, 1)
        const log = new MemoryLog(1, () => start)
        log.isAutomatic = false
        const clock = new ManualClock()
        const restarted = await Replica.start({ log, disk: again, clock }, 0)
        expectEqual(restarted, oracle)
        await again.close()
      },
    ),
    { numRuns: 8, endOnFailure: true },
  )
})
