import { expect, it, vi } from 'vitest'
import { GcPauses } from '../../src/telemetry/gc-pauses.ts'
import { collector } from '../support/collector.ts'

it('the longest pause is told once, and no other before the next collection', async () => {
  const collect = collector()
  const pauses = new GcPauses()

  collect()
  const longest = await vi.waitUntil(() => pauses.take(), 20_000)

  expect(longest).toBeGreaterThan(0)
  expect(longest).toBeLessThan(10)
  pauses.close()
  expect(pauses.take()).toBe(0)
})
