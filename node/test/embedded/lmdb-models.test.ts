import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LmdbModels } from '../../src/embedded/lmdb-models.ts'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { modelsSuite } from '../suites/models-suite.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()
let opened = 0

function nextPath(): string {
  return join(folder, `models-${opened++}`)
}

modelsSuite(
  'models on LMDB',
  () => {
    const path = nextPath()
    const clock = new ManualClock(1_000)
    let models = new LmdbModels(path, clock)
    return Promise.resolve({
      models,
      another: async () => {
        await models.close()
        models = new LmdbModels(path, clock)
        return models
      },
      close: () => models.close(),
    })
  },
  { can: ['another'] },
)

describe('models on LMDB', () => {
  it('drop the oldest where there are too many, and what is too old, but never the newest', async () => {
    const clock = new ManualClock(1_000)
    const models = new LmdbModels(nextPath(), clock, { keptMax: 2, keptMs: 10_000 })
    const kept = async () => {
      const all = await Promise.all([1, 2, 3, 4].map((version) => models.at(version)))
      return all.flatMap((one) => one?.version ?? [])
    }

    for (const version of [1, 2, 3]) await models.publish(version, Uint8Array.of(version))
    const few = await kept()
    clock.advance(10_000)
    const untouched = await models.newest()
    await models.publish(4, Uint8Array.of(4))
    const young = await kept()
    await models.close()

    expect(few).toEqual([2, 3])
    expect(untouched?.version).toBe(3)
    expect(young).toEqual([4])
  })
})
