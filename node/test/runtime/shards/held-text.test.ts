import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { collector } from '../../support/collector.ts'
import { anon, batch, event, start } from '../../support/records.ts'
import { Replica } from '../../support/replica.ts'

const collect = collector()

const entries = 1_000

/** Texts of one entry: 4 KB of what a batch's texts are read into at once. */
const texts = Object.fromEntries(
  Array.from({ length: 100 }, (_, i) => [`text${i}`, 'x'.repeat(30)]),
)

test('a visitor in memory does not keep the texts of the batch that it came with', async () => {
  const log = new MemoryLog(1, () => start)
  log.isAutomatic = false
  const replica = await Replica.start({
    log,
    clock: new ManualClock(start),
    disk: new MemoryStore(),
  })
  const take = async (i: number) => {
    const record = {
      ...event(anon(`a-visitor-of-a-long-name-${i}`), `e${i}`, start),
      properties: texts,
    }
    await log.append(0, batch(`p${i}`, 1, [record]), 'log')
    log.deliver(0)
  }
  await take(entries)
  const before = heapBytes()

  for (let i = 0; i < entries; i++) await take(i)

  expect(replica.actors.count).toBe(entries + 1)
  expect((heapBytes() - before) / entries).toBeLessThan(3_000)
})

/** What is alive in it. */
function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}
