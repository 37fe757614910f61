import { expect, it } from 'vitest'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { MemoryDecisions } from '../../src/memory/memory-decisions.ts'
import { decisionsSuite } from '../suites/decisions-suite.ts'

const clock = new ManualClock(1_700_000_000_000)

decisionsSuite(
  'decisions in memory',
  () => {
    const decisions = new MemoryDecisions(clock)
    return Promise.resolve({
      decisions,
      another: () => Promise.resolve(decisions),
      close: () => Promise.resolve(),
    })
  },
  { now: () => clock.now(), can: ['another'] },
)

it('keeps the newest, and may be away', async () => {
  const decisions = new MemoryDecisions(clock, 2)
  for (const text of ['a', 'b', 'c', 'd', 'e']) await decisions.append(0, [Buffer.from(text)])
  const kept: string[] = []
  for await (const one of decisions.find(0, 0, clock.now())) kept.push(Buffer.from(one).toString())

  decisions.isReachable = false

  expect(kept).toEqual(['d', 'e'])
  await expect(decisions.append(0, [])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})
