import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { anon, batch, event, start } from '../../support/records.ts'
import { Replica, type World } from '../../support/replica.ts'

function world(): World & { readonly log: MemoryLog } {
  const clock = new ManualClock(start)
  const log = new MemoryLog(1, () => start + 1_000_000)
  log.isAutomatic = false
  return { log, clock, disk: new MemoryStore() }
}

/** `count` page views of one visitor, one a second from `from` on. */
function pages(visitor: number, from: number, count: number): Uint8Array {
  const records = Array.from({ length: count }, (_, i) =>
    event(anon(visitor), `e${from + i}`, start + (from + i) * 1_000),
  )
  return batch(`p${visitor}`, from + 1, records)
}

/** A replica and what it must equal, fed the same entries. */
async function pair(budgetBytes: number) {
  const one = world()
  const replica = await Replica.start(one, budgetBytes)
  const bare = new BareShard()
  const take = async (bytes: Uint8Array) => {
    await one.log.append(0, bytes, 'log')
    one.log.deliver(0)
    bare.take(bytes, start + 1_000_000)
  }
  const look = (visitors: number) => {
    expect(replica.shard.state.digest.toString()).toBe(bare.digest.toString())
    for (let i = 0; i < visitors; i++)
      expect(replica.view(replica.shard, anon(i))).toEqual(bare.view(anon(i)))
  }
  return { replica, take, look }
}

test('with room for nothing, every read is as if nothing were ever passivated', async () => {
  const moves = fc.array(
    fc.oneof(
      fc.record({ visitor: fc.nat(5), count: fc.integer({ min: 1, max: 50 }) }),
      fc.constantFrom('flush' as const, 'look' as const, 'hold' as const, 'land' as const),
    ),
    { maxLength: 40 },
  )
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      const { replica, take, look } = await pair(0)
      const told = new Map<number, number>()
      for (const move of all) {
        if (move === 'look') look(6)
        else if (move === 'hold') {
          replica.store.mode = 'holds'
          await replica.pass(1_200)
        } else if (move === 'land' || move === 'flush') {
          await replica.store.landHeld()
          replica.store.mode = 'works'
          if (move === 'flush') await replica.flush()
          else await replica.turn()
        } else {
          const from = told.get(move.visitor) ?? 0
          told.set(move.visitor, from + move.count)
          await take(pages(move.visitor, from, move.count))
        }
      }
      look(6)
    }),
    { numRuns: 60 },
  )
})

test('once all is written, actors beyond the budget leave memory', async () => {
  const { replica, take, look } = await pair(100_000)
  for (let i = 0; i < 500; i++) await take(pages(i, 0, 5))
  const before = replica.actors.heldBytes

  await replica.flush()

  expect(before).toBeGreaterThan(100_000)
  expect(replica.actors.heldBytes).toBeLessThanOrEqual(100_000)
  expect(replica.actors.count).toBeLessThan(500)
  expect(replica.actors.count).toBeGreaterThan(50)
  look(500)
  expect(replica.actors.heldBytes).toBeLessThanOrEqual(100_000)
})

test('memory of passivated actors is given back', async () => {
  const { replica, take } = await pair(0)
  for (let i = 0; i < 50; i++) await take(pages(i, 0, 60))

  await replica.flush()

  expect([replica.actors.count, replica.actors.heldBytes]).toEqual([0, 0])
  expect(replica.actors.arena.usedBytes).toBe(0)
})

test('what is not on disk yet stays in memory, whatever the budget', async () => {
  const { replica, take, look } = await pair(0)
  replica.store.mode = 'fails'
  for (let i = 0; i < 20; i++) await take(pages(i, 0, 3))
  await replica.pass(1_500)

  look(20)

  expect(replica.actors.count).toBe(20)
  expect(replica.observer.passivations).toBe(0)
})

test('an actor that changed while its row was being written is not passivated before the next write', async () => {
  const { replica, take, look } = await pair(0)
  await take(pages(0, 0, 3))
  await take(pages(1, 0, 3))
  replica.store.mode = 'holds'
  await replica.pass(1_200)
  expect(replica.store.heldCount).toBe(1)
  await take(pages(0, 3, 1))

  await replica.store.landHeld()
  await replica.turn()
  await take(pages(2, 0, 1))

  look(3)
  replica.store.mode = 'works'
  await replica.flush()
  look(3)
})

test('sealed entries are read while they are being written, and while they wait', async () => {
  const { replica, take, look } = await pair(0)
  await take(pages(0, 0, 100))
  look(1)
  replica.store.mode = 'holds'
  await replica.pass(1_200)
  expect(replica.store.heldCount).toBe(1)

  look(1)
  await take(pages(0, 100, 100))
  look(1)
  // An entry that was sealed is known, though no disk has it.
  await take(batch('other', 1, [event(anon(0), 'e10', start + 10_000)]))

  look(1)
})
