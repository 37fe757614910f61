import { describe, expect, it } from 'vitest'
import { clusterIn } from '../../src/cli/cluster-answer.ts'
import { alarmsOf, logText, roomText } from '../../src/cli/cluster-texts.ts'

const mib = 1024 ** 2

function cluster(change: object = {}) {
  return clusterIn({
    coordinator: 'n1',
    isAgreementReachable: true,
    nodes: [{ id: 'n1', state: 'up', silentMs: 0 }],
    shards: [{ shard: 0, hot: 2 }],
    redundancy: { wanted: 2 },
    rebalance: {},
    ...change,
  })
}

describe('what an operator should know first', () => {
  it('is nothing where all is well', () => {
    expect(alarmsOf(cluster())).toEqual([])
  })

  it('is one sentence for each thing, what causes others before them', () => {
    const shards = [
      ...Array.from({ length: 7 }, (_, shard) => ({ shard, hot: 1 })),
      { shard: 7, hot: 0, replicas: [{ digest: 'suspect' }, { digest: 'suspect' }] },
    ]
    const nodes = [
      { id: 'n2', state: 'away', silentMs: 61_200 },
      { id: 'n3', state: 'away' },
    ]

    const alarms = alarmsOf(
      cluster({ shards, nodes, coordinator: undefined, isAgreementReachable: false }),
    )

    expect(alarms).toEqual([
      'NATS does not answer: the rest is how it looks from this node alone',
      'shard 7 has NO caught-up replica',
      '7 shards (0, 1, 2, 3, 4, …) have fewer than 2 caught-up replicas',
      'n2 is away, silent for 61 s',
      'n3 is away',
      'shard 7 has replicas that disagree',
      'no node coordinates: nothing fails over',
    ])
  })
})

describe('how full logs are', () => {
  it.each([
    [undefined, 'not known yet'],
    [{ bytes: 12 * mib, bytesMax: 100 * mib }, '12 % of 100 MiB'],
    [{ bytes: mib, bytesMax: 2048 * mib, hoursUntilFull: 41.2 }, '0 % of 2.0 GiB, full in 41 h'],
    [
      { bytes: 9, bytesMax: 10_240, hoursUntilFull: 0.4 },
      '0 % of 10 KiB, full in LESS THAN AN HOUR',
    ],
    [{ bytes: 2 * mib, bytesMax: 0, hoursUntilFull: 240 }, '2 MiB, full in 10 days'],
  ])('%j is %s', (log, text) => {
    expect(roomText(log)).toBe(text)
  })

  it('of all is told by the fullest, and by the one that is full first', () => {
    const shards = [
      { shard: 0, log: { bytes: 80 * mib, bytesMax: 100 * mib, hoursUntilFull: 50 } },
      { shard: 1, log: { bytes: 10 * mib, bytesMax: 100 * mib, hoursUntilFull: 5 } },
      { shard: 2 },
    ]

    expect(logText(cluster({ shards }))).toBe(
      'fullest is shard 0, 80 % of 100 MiB; the first full in 5 h',
    )
    expect(logText(cluster())).toBe('not known yet: looked at every 30 s')
  })
})
