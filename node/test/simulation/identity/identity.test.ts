import { expect, test } from 'vitest'
import { reportOf, runHistories } from './run-history.ts'

const histories = 20_000

test('profiles, merges, splits and erases are exact in any history', async () => {
  const { found, reached } = await runHistories(1, histories)

  expect(found.map(reportOf)).toEqual([])
  // States that were never reached would prove nothing.
  expect(reached.all.filter(([, count]) => count === 0)).toEqual([])
}, 400_000)
