import { expect, test } from 'vitest'
import type { Invariant } from './invariants.ts'
import * as plants from './plants.ts'
import { runSchedule } from './run-schedule.ts'
import type { Kind, Schedule } from './schedule.ts'
import { shrink } from './shrink.ts'
import type { Plant } from './simulation.ts'

function scheduleWith(kind: Kind | undefined, ms: number): Schedule {
  const steps =
    kind === undefined
      ? []
      : [0, 1, 2, 3].map((shard) => ({ atMs: 500 + shard, kind, node: shard % 3, shard, ms }))
  return { seed: 7, steps, faultsMs: 6_000, memoryBytes: 2_000 }
}

const planted: readonly (readonly [Invariant, Plant, Kind | undefined, number])[] = [
  ['I1 determinism', plants.otherFactsOnOneNode, undefined, 0],
  ['I2 prefix truth', plants.otherFactsOnAllNodes, undefined, 0],
  ['I3 no silent gap or rewrite', plants.goesOnInAnotherLog, 'lose-suffix', 11],
  ['I4 explainability', plants.decidesByAnotherPlaybook, undefined, 0],
  ['I5 session', plants.alwaysFresh, 'cut-log', 4_000],
  ['I6 effect once', plants.losesWhatItAcknowledges, undefined, 0],
  ['I7 fencing', plants.keepsItsEpoch(), 'kill', 300],
  ['I8 trim safety', plants.trimsEverything, 'trim', 2_500],
  ['I10 liveness', plants.neverLeads, undefined, 0],
  ['I11 static stability', plants.decidesByTheCoordination, 'control-away', 3_000],
  ['I12 bounded memory', plants.keepsEverything, undefined, 0],
  ['I13 segments', plants.losesSignals, undefined, 0],
]

test.each(planted)(
  'a bug against %s is found',
  { timeout: 180_000 },
  async (invariant, plant, kind, ms) => {
    const schedule = scheduleWith(kind, ms)

    const right = await runSchedule(schedule)
    const wrong = await runSchedule(schedule, plant)

    expect(right.violations).toEqual([])
    expect(wrong.violations.map((one) => one.invariant)).toContain(invariant)
  },
)

test('a run is the same for the same seed', async () => {
  const schedule = scheduleWith('kill', 700)

  const one = await runSchedule(schedule)
  const other = await runSchedule(schedule)

  expect(other.coverage.all).toEqual(one.coverage.all)
  expect(other.servedAfterMs).toBe(one.servedAfterMs)
})

test('steps that do not matter are left out of a failing schedule', async () => {
  const cause = { atMs: 900, kind: 'control-away', node: 0, shard: 0, ms: 3_000 } as const
  const others = scheduleWith('garbage', 0).steps
  const schedule = { ...scheduleWith(undefined, 0), steps: [...others, cause] }
  const fails = async (one: Schedule) =>
    (await runSchedule(one, plants.decidesByTheCoordination)).violations.length > 0

  const { steps } = await shrink(schedule, fails)

  expect(steps).toEqual([cause])
})
