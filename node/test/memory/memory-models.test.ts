import { expect, it } from 'vitest'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { MemoryModels } from '../../src/memory/memory-models.ts'
import { modelsSuite } from '../suites/models-suite.ts'

const clock = new ManualClock(1_700_000_000_000)

modelsSuite(
  'models in memory',
  () => {
    const models = new MemoryModels(clock)
    return Promise.resolve({
      models,
      another: () => Promise.resolve(models),
      close: () => Promise.resolve(),
    })
  },
  { can: ['another'] },
)

it('keeps the newest, and may be away', async () => {
  const models = new MemoryModels(clock, 2)
  for (const version of [1, 2, 3]) await models.publish(version, Uint8Array.of(version))

  expect(await models.at(1)).toBeUndefined()
  expect(await models.at(2)).toBeDefined()
  models.isReachable = false
  await expect(models.newest()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})
