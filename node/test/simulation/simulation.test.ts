import { expect, test } from 'vitest'
import { reportOf, runMany } from './run-many.ts'

const schedules = 500

test('a cluster keeps its promises, whatever is killed, paused, lost, doubled, full or late', async () => {
  const { found, coverage, servedAfterMs } = await runMany(1, schedules)

  expect(found.map(reportOf)).toEqual([])
  expect(servedAfterMs).toBeLessThan(3_000)
  // States that were never reached would prove nothing.
  expect(coverage.all.filter(([, count]) => count === 0)).toEqual([])
}, 400_000)
