import type { Identifier } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { anon, batch, event, start } from '../../support/records.ts'
import { Replica } from '../../support/replica.ts'

const budgetBytes = 50_000

async function opened() {
  const log = new MemoryLog(1, () => start)
  log.isAutomatic = false
  const replica = await Replica.start(
    { log, clock: new ManualClock(start), disk: new MemoryStore() },
    budgetBytes,
  )
  const visit = async (visitor: number, id: string) => {
    const bytes = batch(`p${visitor}-${id}`, 1, [event(anon(visitor), id, start)])
    await log.append(0, bytes, 'log')
    log.deliver(0)
  }
  const decide = (visitor: number) => {
    replica.shard.read(anon(visitor))
    replica.shard.memory.used(anon(visitor))
    replica.actors.makeRoom()
  }
  /** Whether reading the visitor needs no row. */
  const isHot = (identifier: Identifier) => {
    const { count } = replica.actors
    replica.shard.read(identifier)
    return replica.actors.count === count
  }
  return { replica, visit, decide, isHot }
}

test('those who come once do not push out those who came twice', async () => {
  const { replica, visit, isHot } = await opened()
  for (let i = 0; i < 10; i++) await visit(i, 'first')
  for (let i = 0; i < 10; i++) await visit(i, 'second')
  await replica.flush()

  for (let i = 100; i < 1_000; i++) {
    await visit(i, 'only')
    // What is not written yet cannot leave: it must not fill the budget by itself.
    if (i % 20 === 0) await replica.flush()
  }

  expect(replica.actors.heldBytes).toBeLessThanOrEqual(budgetBytes)
  for (let i = 0; i < 10; i++) expect(isHot(anon(i)), `visitor ${i}`).toBe(true)
})

test('those whom decides ask for once do not push out those whom they ask for again', async () => {
  const { replica, visit, decide, isHot } = await opened()
  for (let i = 0; i < 1_000; i++) await visit(i, 'only')
  await replica.flush()
  for (let round = 0; round < 2; round++) for (let i = 0; i < 10; i++) decide(i)

  for (let i = 100; i < 900; i++) decide(i)

  const { activations, passivations } = replica.observer
  expect(activations - passivations).toBe(replica.actors.count)
  expect(replica.actors.heldBytes).toBeLessThanOrEqual(budgetBytes)
  for (let i = 0; i < 10; i++) expect(isHot(anon(i)), `visitor ${i}`).toBe(true)
})

test('those who came twice leave as well, the longest unused first', async () => {
  const { replica, visit, decide, isHot } = await opened()
  for (let i = 0; i < 500; i++) await visit(i, 'only')
  await replica.flush()

  for (let i = 0; i < 500; i++) {
    decide(i)
    decide(i)
  }

  expect(replica.actors.heldBytes).toBeLessThanOrEqual(budgetBytes)
  expect(isHot(anon(499))).toBe(true)
  expect(isHot(anon(0))).toBe(false)
})
