import { expect, test } from 'vitest'
import { historyOf } from './history.ts'
import type { Plant } from './identity-world.ts'
import type { Law } from './laws.ts'
import * as plants from './plants.ts'
import { reportOf, runHistories, runHistory } from './run-history.ts'

const planted: readonly (readonly [keyof typeof plants, Plant, Law])[] = [
  ['neverTakesBack', plants.neverTakesBack, 'a copy is in one profile, and is the newest'],
  ['refusesInSilence', plants.refusesInSilence, 'limits hold, and nothing else is refused'],
  [
    'erasesUpwardsOnly',
    plants.erasesUpwardsOnly,
    'an erase reaches all that are connected, and no others',
  ],
  ['neverMentions', plants.neverMentions, 'who was erased is named nowhere'],
  [
    'neverAnswersAnErase',
    plants.neverAnswersAnErase,
    'an erase reaches all that are connected, and no others',
  ],
  ['keepsNumbers', plants.keepsNumbers(), 'a copy is in one profile, and is the newest'],
  ['refusesForEver', plants.refusesForEver(), 'limits hold, and nothing else is refused'],
  ['forgetsErases', plants.forgetsErases, 'nothing is lost, nothing is there twice'],
  [
    'takesEverythingTwice',
    plants.takesEverythingTwice,
    'a copy is in one profile, and is the newest',
  ],
  ['losesItsOutbox', plants.losesItsOutbox, 'a copy is in one profile, and is the newest'],
  ['losesItsSignals', plants.losesItsSignals, 'who follows the signals knows the profiles'],
  ['weakensWhatIsLeft', plants.weakensWhatIsLeft(), 'unmerge is exact'],
  ['countsItsFolds', plants.countsItsFolds(), 'the same log gives the same state'],
  ['neverRests', plants.neverRests, 'it comes to rest'],
]

/** Enough for the rarest of them. */
const histories = 4_000

test.each(planted)('a program that %s is found', (_, plant, law) => {
  const laws = new Set<Law>()
  for (let seed = 1; seed <= histories && !laws.has(law); seed++) {
    const violation = runHistory(historyOf(seed), plant)
    if (violation) laws.add(violation.law)
  }

  expect([...laws]).toContain(law)
})

test('a program that neverReinstates is found', () => {
  // Two profiles meet by a late link, and the greater root hears of one who is between last.
  const history = historyOf(934_859)

  expect(runHistory(history)).toBeUndefined()
  expect(runHistory(history, plants.neverReinstates)?.law).toBe(
    'limits hold, and nothing else is refused',
  )
})

test('what fails is told with its seed, and with no step that it does not need', async () => {
  const { found } = await runHistories(1, 60, () => {}, plants.neverTakesBack)

  const shortest = found.toSorted((a, b) => a.history.steps.length - b.history.steps.length)[0]
  const report = shortest && reportOf(shortest)
  expect(shortest?.history.steps.length).toBeLessThanOrEqual(4)
  expect(report).toContain(`seed ${shortest?.history.seed}`)
  expect(report).toContain('link')
})

test('a history is the same for the same seed', () => {
  expect(historyOf(7)).toEqual(historyOf(7))
  expect(runHistory(historyOf(7))).toEqual(runHistory(historyOf(7)))
})
