import { decodeBatch, isFields, parseIdentifier, shardOf } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemorySignals } from '../../../src/memory/memory-signals.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import type { Writer } from '../../../src/runtime/ports.ts'
import { Primary } from '../../../src/runtime/shards/primary.ts'
import { batch, start, visitorsOf } from '../../support/records.ts'
import { Replica } from '../../support/replica.ts'

const shards = 2
const user = parseIdentifier('user:u1')
const home = shardOf(user, shards)
const away = 1 - home

test('what has arrived elsewhere is noted in the entry of the next tick', async () => {
  const { replica, waiting, lastIn, link } = await led()
  await replica.pass(500)

  await link(1)
  const before = [lastIn(away), waiting(away)]
  await replica.pass(1_000)

  expect(before).toEqual([['link'], 2])
  expect([lastIn(away), waiting(away)]).toEqual([['sent', 'tick'], 0])
})

test('a merge takes two entries of the logs, ticks aside', async () => {
  const { replica, log, link } = await led()

  for (let i = 0; i < 5; i++) {
    await link(i)
    await replica.pass(500)
  }

  const entries = log.kinds.flat().map((kinds) => kinds.join(' '))
  const others = entries.filter((kinds) => !/^(primary|(sent )*tick)$/.test(kinds))
  expect(others.toSorted()).toEqual([
    ...Array.from({ length: 5 }, () => 'edge copy'),
    ...Array.from({ length: 5 }, () => 'link'),
  ])
})

test('a shard without clicks notes what has arrived elsewhere within two seconds', async () => {
  const { replica, waiting, signals, link } = await led()

  await link(1)
  const before = waiting(home)
  await replica.pass(2_000)

  expect(await signals.read(0, 10)).toHaveLength(1)
  expect([before, waiting(home)]).toEqual([1, 0])
})

test('what is known to have arrived does not count as unsent', async () => {
  const { replica, waiting, unsentMs, link } = await led()

  await link(1)
  unsentMs()
  await replica.pass(400)

  expect([waiting(away), unsentMs()]).toEqual([2, 0])
})

test('what cannot arrive counts as unsent', async () => {
  const { replica, log, unsentMs, link } = await led()
  log.isDeaf = true

  await link(1)
  unsentMs()
  await replica.pass(400)

  expect(unsentMs()).toBe(400)
})

test('what has arrived is noted soon where somebody waits for that', async () => {
  const { replica, lastIn, link } = await led()

  await link(1)
  replica.shards[away]?.onUnsentAsked()
  await replica.pass(300)

  expect(lastIn(away)).toEqual(['sent'])
})

test('what has arrived is noted soon where much of it waits', async () => {
  const { replica, waiting, link } = await led()

  for (let i = 0; i < 130; i++) await link(i)
  const before = waiting(away)
  await replica.pass(300)

  expect([before, waiting(away)]).toEqual([260, 0])
})

test('the entry that a log is expunged up to notes all that has arrived', async () => {
  const { replica, primaries, waiting, link } = await led()

  await link(1)
  const marks = primaries.map((primary) => primary.mark())
  await replica.turn()
  await Promise.all(marks)

  expect([waiting(0), waiting(1)]).toEqual([0, 0])
})

test('shards tick at moments of their own, however late one of them was', async () => {
  const { replica, log, clock } = await led()

  clock.advance(700)
  await replica.pass(25_000)

  const moments = log.ticks.map((ticks) => new Set(ticks.map((at) => at % 1_000)))
  expect(Math.min(...log.ticks.map((ticks) => ticks.length))).toBeGreaterThan(2)
  expect(moments.map((some) => some.size)).toEqual([1, 1])
  expect(moments[0]).not.toEqual(moments[1])
})

test('whoever has stood down writes nothing, whoever asks', async () => {
  const { primaries, log } = await led()
  const [primary] = primaries
  const before = log.kinds[0]?.length

  primary?.standDown()

  await expect(primary?.expire([user], start)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(primary?.mark()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(log.kinds[0]).toHaveLength(before ?? 0)
})

/** A log that remembers kinds of records, and can refuse what shards have for each other. */
class ObservedLog extends MemoryLog {
  isDeaf = false
  readonly kinds: unknown[][][] = Array.from({ length: shards }, () => [])
  /** When each shard's ticks were written. */
  readonly ticks: number[][] = Array.from({ length: shards }, () => [])
  private readonly clock: ManualClock

  constructor(clock: ManualClock) {
    super(shards, () => clock.now())
    this.clock = clock
  }

  override async append(shard: number, bytes: Uint8Array, writer: Writer): Promise<number> {
    const { producer, records } = decodeBatch(bytes)
    if (this.isDeaf && producer.startsWith('outbox:')) throw new Error('nothing is taken')
    const kinds = records.map((record) => isFields(record) && record.kind)
    this.kinds[shard]?.push(kinds)
    if (kinds.at(-1) === 'tick') this.ticks[shard]?.push(this.clock.now())
    return super.append(shard, bytes, writer)
  }
}

/** Two shards that one node leads; it has just written their first tick. */
async function led() {
  const clock = new ManualClock()
  const log = new ObservedLog(clock)
  const replica = await Replica.start({ log, clock, disk: new MemoryStore() })
  const { observer } = replica
  const signals = new MemorySignals()
  const uses = { log, signals, hash: (text: string) => text, clock, observer }
  const primaries = replica.shards.map((shard) => new Primary('a', shard, uses))
  await Promise.all(primaries.map((primary) => primary.lead(1)))
  await replica.pass(1_000)
  const browsers = visitorsOf(away, shards, 130)
  return {
    replica,
    primaries,
    clock,
    log,
    signals,
    waiting: (shard: number) => replica.shards[shard]?.state.outbox.size,
    unsentMs: () => replica.shards[away]?.unsentMs(),
    /** Kinds of the records in the last entry. */
    lastIn: (shard: number) => log.kinds[shard]?.at(-1),
    /** One more browser of the other shard is the user's, whose shard is told. */
    link: async (i: number) => {
      const key = browsers[i]
      const at = start + i
      const record = { kind: 'link', id: `l${i}`, key, at, to: user, strength: 'authenticated' }
      await log.append(away, batch('p', i + 1, [record]), 'log')
      await replica.turn()
    },
  }
}
