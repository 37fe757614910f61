import { describe, expect, it } from 'vitest'
import { Pace } from '../../../src/cli/import/pace.ts'

function paced(perSecond: number) {
  const clock = { now: 1_000 }
  const pace = new Pace(
    perSecond,
    new AbortController().signal,
    () => clock.now,
    (ms) => {
      clock.now += ms
      return Promise.resolve()
    },
  )
  return { clock, pace }
}

describe('a pace', () => {
  it('lets its rate pass, however much is taken at once', async () => {
    for (const count of [1, 7, 300]) {
      const { clock, pace } = paced(500)

      for (let taken = 0; taken < 2_100; taken += count) await pace.take(count)

      expect(clock.now - 1_000).toBeGreaterThanOrEqual(4_180)
      expect(clock.now - 1_000).toBeLessThanOrEqual(4_200)
    }
  })

  it('saves nothing up while nothing is taken', async () => {
    const { clock, pace } = paced(100)
    await pace.take(10)
    clock.now += 60_000

    const before = clock.now
    await pace.take(100)

    expect(clock.now - before).toBe(1_000)
  })

  it('waits no longer once it is stopped', async () => {
    const stopping = new AbortController()
    const pace = new Pace(1, stopping.signal)

    const waited = pace.take(3_600)
    stopping.abort()

    await expect(waited).resolves.toBeUndefined()
  })
})
