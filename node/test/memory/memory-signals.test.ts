import { expect, it } from 'vitest'
import { MemorySignals } from '../../src/memory/memory-signals.ts'
import { signalsSuite } from '../suites/signals-suite.ts'

signalsSuite(
  'signals in memory',
  () => {
    const signals = new MemorySignals()
    return Promise.resolve({
      signals,
      another: () => Promise.resolve(signals),
      close: () => Promise.resolve(),
    })
  },
  { can: ['another'] },
)

it('may keep what they do not confirm, and be away', async () => {
  const signals = new MemorySignals()
  signals.unconfirmed = 1
  await expect(signals.publish(0, [{ id: 'a', text: 'a' }])).rejects.toMatchObject({
    code: 'TIMEOUT',
  })

  signals.isReachable = false
  await expect(signals.read(0, 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  signals.isReachable = true

  expect(await signals.read(0, 10)).toEqual([{ cursor: 1, text: 'a' }])
})
