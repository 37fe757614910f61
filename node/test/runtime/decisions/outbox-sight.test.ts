import { expect, test } from 'vitest'
import type { ClusterMap, NodeReport } from '../../../src/core/cluster/cluster-map.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { OutboxSight } from '../../../src/runtime/decisions/outbox-sight.ts'

function mapOf(...primaries: readonly string[]): ClusterMap {
  const rest = { incarnation: 1, standbys: [], warming: [], epoch: 1, boot: 'b' }
  const shards = primaries.map((primary) => ({ ...rest, primary }))
  return { epoch: 1, nodes: ['n1', 'n2'], namespaces: [], shards }
}

/** A beat of so long ago, and for how long each shard has had something to tell. */
function reportOf(silentMs: number, ...unsent: readonly number[]): NodeReport {
  const rest = { applied: 1, flushed: 1, epoch: 1, digestAt: 0, digest: '' }
  const replicas = unsent.map((unsentMs, shard) => {
    return [shard, { ...rest, status: 'hot' as const, unsentMs }] as const
  })
  return { boot: 'b', silentMs, replicas: new Map(replicas) }
}

test('a shard has told what it has while its primary beats and nothing waits for a second', () => {
  const reports = new Map([
    ['n1', reportOf(200, 0, 1_000, 1_001)],
    ['n2', reportOf(1_001, 0, 0, 0, 0)],
  ])
  const map = () => mapOf('n1', 'n1', 'n1', 'n2', '')
  const sight = new OutboxSight({ map, reports: () => reports, clock: new ManualClock() })

  expect([0, 1, 2, 3, 4].map((shard) => sight.isSent(shard))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
})

test('what beats say is looked at again after a tenth of a second', () => {
  const clock = new ManualClock()
  let waitsMs = 0
  let looks = 0
  const reports = () => {
    looks++
    return new Map([['n1', reportOf(0, waitsMs)]])
  }
  const sight = new OutboxSight({ map: () => mapOf('n1'), reports, clock })

  const before = sight.isSent(0)
  waitsMs = 2_000
  clock.advance(99)
  const meanwhile = sight.isSent(0)
  clock.advance(1)

  expect([before, meanwhile, sight.isSent(0)]).toEqual([true, true, false])
  expect(looks).toBe(2)
})
