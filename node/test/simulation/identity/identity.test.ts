import { expect, test } from 'vitest'
import { reportOf, runHistories } from './run-history.ts'

const histories = 20_000

test('profiles, merges, splits and erases are exact in any history', async () => {
  const found = await runHistories(1, histories)

  expect(found.map(reportOf)).toEqual([])
}, 180_000)
