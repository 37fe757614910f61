import { expect, test } from 'vitest'
import type { NodeReport, Replicas } from '../../../src/core/cluster/cluster-map.ts'
import {
  pressedShare,
  trimFloor,
  trimMarginEntries,
  trimWaitMs,
} from '../../../src/core/cluster/trim-floor.ts'

const entry: Replicas = {
  incarnation: 1,
  primary: 'a',
  standbys: ['b'],
  warming: [],
  epoch: 1,
  boot: 'x',
}

function report(flushed: number, silentMs = 0): NodeReport {
  const replica = {
    status: 'hot',
    applied: 1e6,
    flushed,
    epoch: 1,
    digestAt: 0,
    digest: '',
    unsentMs: 0,
  } as const
  return { boot: 'x', silentMs, replicas: new Map([[0, replica]]) }
}

function floorOf(reports: readonly (readonly [string, NodeReport])[], more = {}): number {
  const input = { shard: 0, entry, reports: new Map(reports), fullness: 0, listeningMs: 0, ...more }
  return trimFloor(input)
}

test('what the replica that is furthest behind has on disk may go, but for a margin', () => {
  expect(
    floorOf([
      ['a', report(90_000)],
      ['b', report(70_000)],
    ]),
  ).toBe(70_000 - trimMarginEntries)
})

test('a node alone trims by its own disk', () => {
  const alone = { entry: { ...entry, standbys: [] } }

  expect(floorOf([['a', report(50_000)]], alone)).toBe(50_000 - trimMarginEntries)
})

test('a replica that was never heard, or is being filled, keeps everything', () => {
  const filling = { entry: { ...entry, warming: ['c'] } }

  expect(floorOf([['a', report(90_000)]])).toBe(0)
  expect(
    floorOf(
      [
        ['a', report(90_000)],
        ['b', report(90_000)],
        ['c', report(0)],
      ],
      filling,
    ),
  ).toBe(0)
})

test('a silent replica keeps the log for a while only, one that was never heard as well', () => {
  const late = [
    ['a', report(90_000)],
    ['b', report(20_000, trimWaitMs + 1)],
  ] as const
  const early = [
    ['a', report(90_000)],
    ['b', report(20_000, trimWaitMs - 1)],
  ] as const

  expect(floorOf(late)).toBe(90_000 - trimMarginEntries)
  expect(floorOf(early)).toBe(20_000 - trimMarginEntries)
  expect(floorOf([['a', report(90_000)]], { listeningMs: trimWaitMs + 1 })).toBe(
    90_000 - trimMarginEntries,
  )
})

test('a log that fills up keeps less of a margin, and never goes below its beginning', () => {
  const both = [
    ['a', report(5_000)],
    ['b', report(5_000)],
  ] as const

  expect(floorOf(both)).toBe(0)
  expect(floorOf(both, { fullness: pressedShare })).toBeGreaterThan(4_000)
})
