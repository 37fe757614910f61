import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LogicalTime } from '../../../src/core/shard/logical-time.ts'
import { start } from '../../support/records.ts'

const minute = 60_000

test('time begins with the first tick, wherever that is', () => {
  const time = new LogicalTime()

  time.tick(start, start)

  expect(time.now).toBe(start)
})

test('time goes as far as the clocks of the primary and of the log agree', () => {
  const time = new LogicalTime(start)

  time.tick(start + 60_000, start + 1_000)
  const byTheLog = time.now
  time.tick(start + 2_000, start + 60_000)

  expect([byTheLog, time.now]).toEqual([start + 1_000, start + 2_000])
})

test('time never goes back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(10 ** 9), fc.nat(10 ** 9))), (ticks) => {
      const time = new LogicalTime()
      let before = 0
      for (const [wall, timestamp] of ticks) {
        time.tick(wall, timestamp)
        expect(time.now).toBeGreaterThanOrEqual(before)
        expect(time.now).toBeLessThanOrEqual(Math.max(before, Math.min(wall, timestamp)))
        before = time.now
      }
    }),
  )
})

test('a step of five minutes is taken, a longer one waits for a second tick that agrees', () => {
  const time = new LogicalTime(start)

  time.tick(start + 5 * minute, start + 5 * minute)
  const step = time.now
  time.tick(start + 60 * minute, start + 60 * minute)
  const held = time.now
  time.tick(start + 61 * minute, start + 61 * minute)

  expect(step).toBe(start + 5 * minute)
  expect(held).toBe(step)
  expect(time.now).toBe(start + 61 * minute)
})

test('a single wrong clock does not move time', () => {
  const time = new LogicalTime(start)

  time.tick(start + 1_000 * minute, start + 1_000 * minute)
  time.tick(start + minute, start + minute)
  time.tick(start + 2_000 * minute, start + 2_000 * minute)

  expect(time.now).toBe(start + minute)
})

test('a held jump survives being stored', () => {
  const time = new LogicalTime(start)
  time.tick(start + 60 * minute, start + 60 * minute)

  const [now, held] = time.stored()
  const restored = new LogicalTime(now, held)
  restored.tick(start + 60 * minute, start + 60 * minute)

  expect(restored.now).toBe(start + 60 * minute)
})
