import { HalfsecondError } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { MemoryCluster } from '../../src/memory/memory-coordination.ts'
import { whileElecting } from '../../src/runtime/while-electing.ts'

const electing = new HalfsecondError('UNAVAILABLE', 'JetStream system temporarily unavailable')

/** A step that fails so many times, and then tells how often it was taken. */
function failing(times: number, error = electing): { taken: number; step(): Promise<number> } {
  const counted = {
    taken: 0,
    step: async () => {
      if (++counted.taken <= times) throw error
      return counted.taken
    },
  }
  return counted
}

/** Lets time pass in small steps, and what waits for it go on. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) {
    await new Promise(setImmediate)
    clock.advance(250)
  }
  await new Promise(setImmediate)
}

test('a node that starts waits until the servers have a leader again', async () => {
  const clock = new ManualClock()
  const coordination = new MemoryCluster(clock).connect()

  const started = whileElecting({ clock, coordination }, failing(3).step)
  await pass(clock, 2_000)

  expect(await started).toBe(4)
})

test('it gives up after half a minute, with what was said last', async () => {
  const clock = new ManualClock()
  const { step } = failing(Number.POSITIVE_INFINITY)

  const started = expect(whileElecting({ clock }, step)).rejects.toBe(electing)
  await pass(clock, 31_000)

  await started
})

test('it waits for nothing that waiting cannot mend', async () => {
  const clock = new ManualClock()
  const refused = failing(1, new HalfsecondError('FORBIDDEN', 'not this login'))

  await expect(whileElecting({ clock }, refused.step)).rejects.toMatchObject({ code: 'FORBIDDEN' })

  expect(refused.taken).toBe(1)
})

test('a node without servers waits for none', async () => {
  const clock = new ManualClock()
  const coordination = Object.assign(new MemoryCluster(clock).connect(), { isShared: false })

  const started = whileElecting({ clock, coordination }, failing(1).step)

  await expect(started).rejects.toBe(electing)
})
