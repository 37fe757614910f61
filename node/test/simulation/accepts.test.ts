import { expect, test } from 'vitest'
import { runAccepts } from './accepts.ts'

const trials = 4_000

test('what was accepted is absent from the next decision, whoever asks, whatever merges, moves and dies', async () => {
  const { violations, confirmed, ...counts } = await runAccepts(1, trials)

  expect(violations).toEqual([])
  // Mostly the acceptance is known to be everywhere, and somebody answers.
  expect(counts.trials).toBeGreaterThanOrEqual(trials)
  expect(confirmed).toBeGreaterThan(trials / 2)
  expect(counts.unanswered).toBeLessThan(trials / 50)
}, 300_000)
