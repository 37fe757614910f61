import { describe, expect, test } from 'vitest'
import { needs, realNatsServer } from '../../deploy/test/requirements.ts'
import { killNodes } from '../chaos/kill-nodes.ts'
import { greatestOf, movesRatio } from '../chaos/moves.ts'
import { partition } from '../chaos/partition.ts'
import { rolling } from '../chaos/rolling.ts'
import { runScenario } from '../chaos/run-scenario.ts'
import type { Scenario } from '../chaos/scenario.ts'
import { Pauses, pausesIn } from '../lib/pauses.ts'
import { CollectedFigures } from './collected-figures.ts'

/** What must hold on the slowest machine; how long things take is for those who measure. */
const zeros = [
  'events-lost',
  'events-doubled',
  'events-reordered',
  'decide-errors',
  'last-click-missed',
  'stale-marked-fresh',
  'digests-that-differ',
]

describe('three nodes on three real servers', needs(realNatsServer), () => {
  test.each<[string, Scenario, number]>([
    ['kill-nodes', killNodes, 1],
    ['rolling', rolling, 3],
    ['partition', partition(), 1],
  ])(
    'lose nothing and say nothing wrong in a short %s',
    async (name, scenario, faults) => {
      const figures = new CollectedFigures()

      await runScenario(name, scenario, {
        figures,
        seconds: 1,
        rate: 100,
        shards: 4,
        warmUpSeconds: 2,
      })

      expect(figures.why).toEqual([])
      expect(Object.fromEntries(zeros.map((zero) => [zero, figures.value(zero)]))).toEqual(
        Object.fromEntries(zeros.map((zero) => [zero, 0])),
      )
      expect(figures.value('faults')).toBeGreaterThanOrEqual(faults)
    },
    // Elections, and faults one after the other, take their time on a busy machine.
    400_000,
  )
})

test('waits of one shard that overlap are one pause', () => {
  const pauses = new Pauses('ingest', 1_000)
  pauses.add(3, 0, 2_000)
  pauses.add(3, 500, 2_100)
  pauses.add(3, 2_050, 2_500)
  pauses.add(3, 9_000, 11_000)
  pauses.add(4, 0, 1_000)

  const found = pausesIn(pauses.result(), 'ingest')

  expect(found.map(({ shard, ms }) => [shard, ms])).toEqual([
    [3, 2_100],
    [3, 2_000],
    [4, 1_000],
  ])
})

test('moves are counted in shares of one node, and of several the greatest is told', () => {
  const none = movesRatio(['a', 'a', 'b', 'b'], ['a', 'a', 'b', 'b'], 2, 'nothing')
  const half = movesRatio(['a', 'a', 'b', 'b'], ['a', 'c', 'c', 'b'], 2, 'c joins')

  expect(greatestOf([none, half, none])).toMatchObject([
    { figure: 'moves-ratio', value: 1, atMost: 1.1, with: { what: 'c joins', of: 3 } },
  ])
})
