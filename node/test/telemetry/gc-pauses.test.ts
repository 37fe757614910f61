import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it, vi } from 'vitest'
import { GcPauses } from '../../src/telemetry/gc-pauses.ts'

it('the longest pause is told once, and no other before the next collection', async () => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('this Node cannot collect on demand')
  const pauses = new GcPauses()

  collect()
  const longest = await vi.waitUntil(() => pauses.take(), 20_000)

  expect(longest).toBeGreaterThan(0)
  expect(longest).toBeLessThan(10)
  pauses.close()
  expect(pauses.take()).toBe(0)
})
