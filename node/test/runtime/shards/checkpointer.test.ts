import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { anon, batch, event, start } from '../../support/records.ts'
import { Replica, type World } from '../../support/replica.ts'

function world(): World & { readonly log: MemoryLog } {
  const clock = new ManualClock(start)
  const log = new MemoryLog(1, () => start)
  log.isAutomatic = false
  return { log, clock, disk: new MemoryStore() }
}

/** One page view of each of `count` visitors. */
function visits(round: number, count: number): Uint8Array {
  const records = Array.from({ length: count }, (_, i) =>
    event(anon(i), `r${round}`, start + round, { round }),
  )
  return batch('p', round * 10_000 + 1, records)
}

function foldOf(entries: readonly Uint8Array[]): BareShard {
  const bare = new BareShard()
  for (const bytes of entries) bare.take(bytes, start)
  return bare
}

/** What is on disk, read by a process that can fold nothing more. */
async function onDisk({ disk }: World): Promise<Replica> {
  const empty = world()
  return Replica.start({ ...empty, disk })
}

function expectFacts(replica: Replica, bare: BareShard, visitors: number): void {
  const { shard } = replica
  expect(shard.state.digest.toString()).toBe(bare.digest.toString())
  for (let i = 0; i < visitors; i++)
    expect(replica.view(shard, anon(i))).toEqual(bare.view(anon(i)))
}

test('what is folded is on disk a second later while little happens', async () => {
  const one = world()
  const replica = await Replica.start(one)
  await one.log.append(0, visits(0, 3), 'log')
  one.log.deliver(0)

  await replica.pass(1_100)

  expect(replica.shard.flushed).toBe(1)
  expectFacts(await onDisk(one), foldOf([visits(0, 3)]), 3)
})

test('a checkpoint holds its position, whatever is folded while it is encoded', async () => {
  const one = world()
  const replica = await Replica.start(one)
  const before = visits(0, 1_000)
  await one.log.append(0, before, 'log')
  await one.log.append(0, visits(1, 1_000), 'log')
  one.log.deliver(0, 1)

  // Encoding begins; the rest takes further turns.
  const flushed = replica.checkpointer.flush()
  await replica.turn()
  one.log.deliver(0, 1)
  let isDone = false
  void flushed.then(() => {
    isDone = true
  })
  while (!isDone) await replica.turn()

  expect(replica.shard.state.applied).toBe(2)
  expect(replica.shard.flushed).toBe(1)
  expectFacts(await onDisk(one), foldOf([before]), 1_000)
})

test('what changed while a checkpoint was open is in the next one', async () => {
  const one = world()
  const replica = await Replica.start(one)
  await one.log.append(0, visits(0, 10), 'log')
  await one.log.append(0, visits(1, 5), 'log')
  one.log.deliver(0, 1)
  replica.store.mode = 'holds'
  const first = replica.checkpointer.flush()
  await replica.turn()
  one.log.deliver(0, 1)
  await replica.store.landHeld()
  await first

  replica.store.mode = 'works'
  await replica.flush()

  expectFacts(await onDisk(one), foldOf([visits(0, 10), visits(1, 5)]), 10)
})

test('two flushes and the schedule never open two checkpoints of a shard at once', async () => {
  const one = world()
  const replica = await Replica.start(one)
  const entries = [visits(0, 600), visits(1, 600), visits(2, 600), visits(3, 600)]
  for (const bytes of entries) await one.log.append(0, bytes, 'log')
  one.log.deliver(0, 1)
  const flushes = [replica.checkpointer.flush()]
  for (let round = 1; round < 4; round++) {
    await replica.turn()
    one.log.deliver(0, 1)
    flushes.push(replica.checkpointer.flush())
    await replica.pass(9_000)
  }

  let isDone = false
  void Promise.all(flushes).then(() => {
    isDone = true
  })
  while (!isDone) {
    await replica.turn()
    // Whenever the process dies, the disk holds what its position says.
    const disk = await onDisk(one)
    const { applied } = disk.shard.state
    expectFacts(disk, foldOf(entries.slice(0, applied)), 600)
  }
  await replica.flush()
  expectFacts(await onDisk(one), foldOf(entries), 600)
})

test('a store that fails is told, tried again, and loses nothing once it works', async () => {
  const one = world()
  const replica = await Replica.start(one)
  await one.log.append(0, visits(0, 300), 'log')
  await one.log.append(0, visits(1, 300), 'log')
  one.log.deliver(0, 1)
  replica.store.mode = 'fails'

  for (let i = 0; i < 5; i++) {
    await replica.pass(9_000)
  }
  const { failure } = replica.checkpointer
  one.log.deliver(0, 1)
  replica.store.mode = 'works'
  for (let i = 0; i < 5; i++) {
    await replica.pass(9_000)
  }

  expect(failure).toContain('the disk is full')
  expect(replica.store.commits).toBeGreaterThan(2)
  expect(replica.checkpointer.failure).toBe('')
  expect(replica.shard.flushed).toBe(2)
  expectFacts(await onDisk(one), foldOf([visits(0, 300), visits(1, 300)]), 300)
})

test('entries that change no row are not worth a transaction each', async () => {
  const one = world()
  const replica = await Replica.start(one)
  await one.log.append(0, visits(0, 3), 'log')
  one.log.deliver(0)
  await replica.flush()
  const { commits } = replica.store

  for (let i = 0; i < 20; i++) {
    await one.log.append(0, visits(0, 3), 'log')
    one.log.deliver(0)
    await replica.pass(2_000)
  }

  expect(replica.store.commits).toBe(commits)
})

test('closed, it writes nothing more', async () => {
  const one = world()
  const replica = await Replica.start(one)
  await replica.checkpointer.close()
  await one.log.append(0, visits(0, 3), 'log')
  one.log.deliver(0)

  await replica.pass(3_000)

  expect(replica.store.commits).toBe(0)
})
