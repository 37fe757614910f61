import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { ShardStatistics } from '../../../src/core/learning/statistics.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { readStatistics, statisticsOf } from '../../../src/runtime/learning/shard-statistics.ts'
import type { Store } from '../../../src/runtime/ports.ts'
import type { Shard } from '../../../src/runtime/shards/shard.ts'
import { SharedTurn } from '../../../src/runtime/shared-turn.ts'
import { LmdbStore } from '../../../src/store/lmdb-store.ts'
import { systemClock } from '../../../src/system/system-clock.ts'
import { copyTo, DonorOverWire } from '../../support/copying.ts'
import { hour, minute, reported } from '../../support/lessons.ts'
import { anon, batch, event, ownBatch, start } from '../../support/records.ts'
import { Replica, type World } from '../../support/replica.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'

const folder = scratchFolder()
const opened: Store[] = []

function onDisk(): LmdbStore {
  const store = new LmdbStore(join(folder, `store-${opened.length}`), 1)
  opened.push(store)
  return store
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
})

/** A log whose shard learns. */
class LearningLog {
  now = start
  readonly log = new MemoryLog(1, () => this.now)
  private written = 0

  async begin(): Promise<this> {
    await this.own({ kind: 'primary', epoch: 1, node: 'n' })
    await this.own({ kind: 'barrier', epoch: 1, foldVersion: 2 })
    return this
  }

  /** So many decisions, each displayed and every third one clicked; all of it takes an hour. */
  async shop(decisions: number): Promise<void> {
    for (let i = 0; i < decisions; i++) {
      const n = ++this.written
      const what = { decidedAt: this.now, who: `v${n}`, key: anon(n % 7), offer: `o${n % 11}` }
      const shown = { ...what, bucket: n % 2 === 0 ? 'gold' : 'new' }
      const records = [reported('display', shown)]
      if (n % 3 === 0) records.push(reported('click', { ...shown, at: this.now + 2 * minute }))
      this.now += hour / decisions
      await this.log.append(0, batch(`p${n}`, 1, records), 'log')
      await this.own({ kind: 'tick', epoch: 1, wall: this.now })
    }
  }

  async own(record: Parameters<typeof ownBatch>[2]): Promise<void> {
    await this.log.append(0, ownBatch(1, 1, record), 'own')
  }
}

function told(shard: Shard): Promise<ShardStatistics> {
  return readStatistics(lines(shard))
}

async function* lines(shard: Shard): AsyncGenerator<Uint8Array> {
  for await (const one of statisticsOf(shard, new SharedTurn(systemClock, 1)))
    yield Buffer.from(`${JSON.stringify(one)}\n`)
}

const stores: readonly (readonly [string, () => Store])[] = [
  ['memory', () => new MemoryStore()],
  ['LMDB', onDisk],
]

test.each(stores)('after a restart a shard knows what it has learnt, on %s', async (_, disk) => {
  const clock = new ManualClock(start)
  const shop = await new LearningLog().begin()
  const world: World = { log: shop.log, disk: disk(), clock }
  const first = await Replica.start(world)
  await shop.shop(60)
  await Promise.all(first.followed)
  await first.flush()
  const flushed = await told(first.shard)
  await shop.shop(40)
  await first.turn()
  const before = await told(first.shard)
  await first.crash()

  const again = await Replica.start({ ...world, log: new MemoryLog(1, () => shop.now) })
  expect(await told(again.shard)).toEqual(flushed)
  await again.crash()
  const last = await Replica.start(world)
  await Promise.all(last.followed)

  expect(flushed.cells.length).toBeGreaterThan(5)
  expect(before.position).toBeGreaterThan(flushed.position)
  expect(await told(last.shard)).toEqual(before)
  expect(last.shard.state.digest.toString()).toBe(first.shard.state.digest.toString())
  await last.crash()
})

test.each(stores)('a copied shard knows what its donor has learnt, on %s', async (_, disk) => {
  const clock = new ManualClock(start)
  const shop = await new LearningLog().begin()
  await shop.shop(80)
  const donor = await Replica.start({ log: shop.log, disk: disk(), clock })
  await Promise.all(donor.followed)
  await donor.flush()
  const target = disk()

  await copyTo(target, new DonorOverWire(donor.store))
  await shop.shop(80)
  await donor.turn()
  const copy = await Replica.start({ log: shop.log, disk: target, clock })
  await Promise.all(copy.followed)

  const learnt = await told(donor.shard)
  expect(learnt.cells.length).toBeGreaterThan(5)
  expect(await told(copy.shard)).toEqual(learnt)
  expect(copy.shard.state.digest.toString()).toBe(donor.shard.state.digest.toString())
  await Promise.all([donor.crash(), copy.crash()])
})

test('a cell that has faded leaves the store', async () => {
  const clock = new ManualClock(start)
  const disk = new MemoryStore()
  const shop = await new LearningLog().begin()
  await shop.shop(20)
  const replica = await Replica.start({ log: shop.log, disk, clock })
  await Promise.all(replica.followed)
  await replica.flush()
  const kept = [...disk.shard(0).statistics()].length
  shop.now += 30 * 24 * hour
  for (let i = 0; i < 2; i++) await shop.own({ kind: 'tick', epoch: 1, wall: shop.now + i })
  await replica.turn()
  await replica.flush()

  expect(kept).toBeGreaterThan(5)
  expect([...disk.shard(0).statistics()]).toEqual([])
  await replica.crash()
})

test('what a store refused to take is written with the next checkpoint', async () => {
  const clock = new ManualClock(start)
  const disk = new MemoryStore()
  const shop = await new LearningLog().begin()
  await shop.shop(20)
  const replica = await Replica.start({ log: shop.log, disk, clock })
  await Promise.all(replica.followed)
  replica.store.mode = 'fails'
  await replica.flush()
  const refused = [...disk.shard(0).statistics()].length
  replica.store.mode = 'works'
  await replica.flush()

  expect(refused).toBe(0)
  expect([...disk.shard(0).statistics()]).toHaveLength(replica.shard.state.statistics.size)
  await replica.crash()
})

test('a shard that learns nothing writes no row for it', async () => {
  const clock = new ManualClock(start)
  const disk = new MemoryStore()
  const { log } = await new LearningLog().begin()
  await log.append(0, batch('p', 1, [event(anon(1), 'a', start)]), 'log')
  await log.append(0, batch('p', 2, [reported('click', { lesson: null })]), 'log')
  const replica = await Replica.start({ log, disk, clock })
  await Promise.all(replica.followed)
  await replica.flush()

  expect([...disk.shard(0).statistics()]).toEqual([])
  expect(await told(replica.shard)).toEqual({ shard: 0, position: 4, at: 0, cells: [] })
  await replica.crash()
})
