import { join } from 'node:path'
import { decode, encode, HalfsecondError, isFields } from '@halfsecond/protocol'
import { afterEach, expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { importSnapshot } from '../../../src/runtime/cluster/snapshot-import.ts'
import type { ShardStore, Store } from '../../../src/runtime/ports.ts'
import { recoverShard } from '../../../src/runtime/shards/shard-rows.ts'
import { LmdbStore } from '../../../src/store/lmdb-store.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { contentOf, copyTo, DonorOverWire, fill, lost } from '../../support/copying.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'
import { anon, batch, event, start } from '../../support/records.ts'
import { Replica } from '../../support/replica.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'

const folder = scratchFolder()
const opened: Store[] = []
let stores = 0

function onDisk(): LmdbStore {
  const store = new LmdbStore(join(folder, `store-${stores++}`), 1)
  opened.push(store)
  return store
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
})

/** Three chunks of rows. */
const sizes = Array.from({ length: 60 }, () => 10_000)

async function filled(): Promise<{ source: ShardStore; wire: DonorOverWire }> {
  const store = new MemoryStore()
  await fill(store.shard(0), sizes, 42)
  return { source: store.shard(0), wire: new DonorOverWire(store) }
}

test('a copy is the donor as it was when the copy began, and folds on to the same facts', async () => {
  const clock = new ManualClock(start + 200_000)
  const log = new MemoryLog(1, () => start + 200_000)
  const entries: Uint8Array[] = []
  const say = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const n = entries.length + 1
      const text = 'x'.repeat(1_000 + (n % 7) * 100)
      const bytes = batch('p', n, [event(anon(n % 300), `e${n}`, start + n, { text })])
      entries.push(bytes)
      await log.append(0, bytes, 'log')
    }
  }
  await say(1_000)
  const donor = await Replica.start({ log, disk: onDisk(), clock })
  await Promise.all(donor.followed)
  await donor.flush()
  const wire = new DonorOverWire(donor.store)
  wire.onRequest = async () => {
    await say(50)
    await donor.turn()
    await donor.flush()
  }
  const disk = onDisk()

  const applied = await copyTo(disk, wire)
  const copied = recoverShard(disk.shard(0), 0, 1, 0).state
  const copy = await Replica.start({ log, disk, clock })
  await Promise.all(copy.followed)
  await donor.turn()

  const bare = new BareShard()
  for (const bytes of entries.slice(0, applied)) bare.take(bytes, start + 200_000)
  expect(wire.requests).toBeGreaterThan(4)
  expect(applied).toBeLessThan(entries.length)
  expect([copied.applied, copied.digest.toString()]).toEqual([applied, bare.digest.toString()])
  expect(copy.shard.state.applied).toBe(entries.length)
  expect(copy.shard.state.digest.toString()).toBe(donor.shard.state.digest.toString())
  for (let i = 0; i < 300; i++) {
    const identifier = anon(i)
    expect(copy.view(copy.shard, identifier)).toEqual(donor.view(donor.shard, identifier))
  }
  await Promise.all([donor.crash(), copy.crash()])
})

test('100,000 rows, and one too large for a message, are copied in bounded pieces', async () => {
  const [source, target] = [onDisk(), onDisk()]
  const many = Array.from({ length: 100_000 }, () => 100)
  await fill(source.shard(0), [...many, 2_500_000], 42)
  const wire = new DonorOverWire(source)
  const written: number[] = []
  const store: Store = {
    usage: () => target.usage(),
    compact: () => target.compact(),
    close: () => target.close(),
    shard: () => watched(target.shard(0), (bytes) => written.push(bytes)),
  }

  const applied = await copyTo(store, wire)

  expect(applied).toBe(42)
  expect(wire.answerBytes).toBeLessThan(600 * 1024)
  expect(Math.max(...written.filter((bytes) => bytes < 2_500_000))).toBeLessThan(2.5 * 1024 ** 2)
  expect(written.length).toBeGreaterThan(5)
  expect(contentOf(target.shard(0))).toEqual(contentOf(source.shard(0)))
})

/** A store's shard, with the bytes of each restore told. */
function watched(inner: ShardStore, onRestore: (bytes: number) => void): ShardStore {
  return {
    meta: () => inner.meta(),
    producers: () => inner.producers(),
    outbox: () => inner.outbox(),
    statistics: () => inner.statistics(),
    fragment: (identifier) => inner.fragment(identifier),
    chunk: (identifier, number) => inner.chunk(identifier, number),
    fragments: (after, limit) => inner.fragments(after, limit),
    fragmentOf: (key) => inner.fragmentOf(key),
    deadLetters: (limit) => inner.deadLetters(limit),
    commit: (rows) => inner.commit(rows),
    snapshot: () => inner.snapshot(),
    restore: (rows) => {
      onRestore(rows.reduce((sum, { value }) => sum + value.length, 0))
      return inner.restore(rows)
    },
    remove: (keys) => inner.remove(keys),
    clear: () => inner.clear(),
  }
}

test('what an interrupted copy left is removed before the next one', async () => {
  const { source, wire } = await filled()
  const target = new MemoryStore()
  await fill(
    target.shard(0),
    Array.from({ length: 100 }, () => 10),
    99,
  )

  await copyTo(target, wire)

  expect(contentOf(target.shard(0))).toEqual(contentOf(source))
})

test('a donor that dies amid a copy leaves a store that counts as empty; another one fills it', async () => {
  const { source, wire } = await filled()
  const target = new MemoryStore()
  wire.onRequest = (number) => {
    if (number >= 4) throw new HalfsecondError('UNAVAILABLE', 'nobody answers')
  }

  const failed = copyTo(target, wire)

  await expect(failed).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(target.shard(0).meta()).toBeUndefined()
  await copyTo(target, (await filled()).wire)
  expect(contentOf(target.shard(0))).toEqual(contentOf(source))
})

test('a lost answer costs nothing but the time to ask again', async () => {
  const { source, wire } = await filled()
  const target = new MemoryStore()
  wire.onAnswer = (number, answer) => (number === 3 || number === 5 ? lost() : answer)

  const applied = await copyTo(target, wire)

  expect(applied).toBe(42)
  expect(contentOf(target.shard(0))).toEqual(contentOf(source))
})

test('a disk that takes nothing fails the copy', async () => {
  const { wire } = await filled()
  const target = new MemoryStore()
  wire.onRequest = () => {
    target.failure = new HalfsecondError('UNAVAILABLE', 'the disk is full')
  }

  const failed = copyTo(target, wire)

  await expect(failed).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: 'cannot copy shard 0 from donor: the disk is full',
  })
})

test('bytes that changed on the way are noticed', async () => {
  const { wire } = await filled()
  const target = new MemoryStore()
  wire.onAnswer = (number, answer) =>
    number === 3
      ? changed(answer, ({ bytes, ...rest }) => {
          const damaged = bytes instanceof Uint8Array ? Uint8Array.from(bytes) : new Uint8Array(0)
          damaged[5_000] = 255 - (damaged[5_000] ?? 0)
          return { ...rest, bytes: damaged }
        })
      : answer

  const failed = copyTo(target, wire)

  await expect(failed).rejects.toThrowError('chunk 1 arrived with other bytes')
  expect(target.shard(0).meta()).toBeUndefined()
})

test('a chunk that is missing is noticed, and so is one in the place of another', async () => {
  const answers: Uint8Array[] = []
  const { wire } = await filled()
  wire.onAnswer = (number, answer) => {
    answers.push(answer)
    // Requests 2 to 5 ask for chunks 0 to 3: the second one is swallowed.
    return number === 4 ? (answers[2] ?? answer) : answer
  }
  const skipping = (await filled()).wire
  skipping.onAnswer = (number, answer) =>
    number === 5 ? changed(answer, (part) => ({ ...part, rows: 60 })) : answer
  const target = new MemoryStore()

  await expect(copyTo(target, wire)).rejects.toThrowError('gaps before chunk 2')
  await expect(copyTo(target, skipping)).rejects.toThrowError('gaps before chunk 3')
  expect(target.shard(0).meta()).toBeUndefined()
})

function changed(
  answer: Uint8Array,
  change: (part: { readonly [name: string]: unknown }) => unknown,
): Uint8Array {
  const value = decode(answer, { frameBytes: 1024 ** 2, depth: 2, elementsPerItem: 100 })
  return encode(isFields(value) ? change(value) : value)
}

test('a copy that newer rules folded is refused', async () => {
  const store = new MemoryStore()
  await fill(store.shard(0), sizes, 42, 99)

  const refused = copyTo(new MemoryStore(), new DonorOverWire(store))

  await expect(refused).rejects.toThrowError('rules 99')
})

test('the position is told before the first row is written', async () => {
  const { wire } = await filled()
  const target = new MemoryStore()
  const told: unknown[] = []

  await copyTo(target, wire, (applied) => told.push(applied, contentOf(target.shard(0)).length))

  expect(told).toEqual([42, 0])
})

test('a copy takes the time that its rate asks for', async () => {
  const { wire } = await filled()
  const clock = new ManualClock()
  const copied = importSnapshot({
    bus: wire,
    node: 'donor',
    shard: 0,
    store: new MemoryStore(),
    clock,
    observer: new QuietObserver(),
    bytesPerSecond: 100_000,
  })
  let isCopied = false
  void copied.then(() => {
    isCopied = true
  })

  let seconds = 0
  for (; !isCopied && seconds < 60; seconds++) {
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }

  // 600,000 bytes of values.
  expect(seconds).toBeGreaterThanOrEqual(6)
  expect(seconds).toBeLessThan(12)
})
