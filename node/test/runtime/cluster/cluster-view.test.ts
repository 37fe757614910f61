import { describe, expect, it } from 'vitest'
import type {
  Intent,
  NodeReport,
  NodeRow,
  ReplicaReport,
  ReplicaStatus,
} from '../../../src/core/cluster/cluster-map.ts'
import { type ClusterFacts, clusterView } from '../../../src/runtime/cluster/cluster-view.ts'
import { refusalOf } from '../../../src/runtime/cluster/refusal.ts'

function row(id: string, intent: Intent = 'serve'): NodeRow {
  return { id, boot: id, host: id, zone: '', weight: 1, intent, foldVersion: 1 }
}

function replica(status: ReplicaStatus, applied: number, digest = ''): ReplicaReport {
  const digestAt = digest === '' ? 0 : 10
  return { status, applied, flushed: applied - 1, epoch: 1, digestAt, digest, unsentMs: 0 }
}

function report(replicas: readonly ReplicaReport[], silentMs = 50): NodeReport {
  return { boot: '', silentMs, replicas: new Map(replicas.entries()) }
}

/** Three nodes and three shards: n1 leads, n2 stands by and has shard 1 no longer in time; n3 fills shard 2. */
function facts(change: Partial<ClusterFacts> = {}): ClusterFacts {
  const entry = { incarnation: 1, primary: 'n1', standbys: ['n2'], warming: [], epoch: 4, boot: '' }
  return {
    map: {
      epoch: 9,
      nodes: ['n1', 'n2', 'n3'],
      namespaces: [],
      shards: [entry, entry, { ...entry, warming: ['n3'] }],
    },
    rows: [row('n1'), row('n2'), row('n3')],
    reports: new Map([
      ['n1', report([replica('hot', 30, 'a'), replica('hot', 30, 'a'), replica('hot', 30)])],
      ['n2', report([replica('hot', 28, 'a'), replica('lagging', 12, 'b'), replica('hot', 30)])],
      ['n3', report([])],
    ]),
    beats: new Map([['n1', { epoch: 9, loopDelayMs: 1.6 }]]),
    coordinator: 'n2',
    isAgreementReachable: true,
    wishes: { isPaused: false, moves: [] },
    rooms: new Map([[0, { bytes: 5, bytesMax: 10, hoursUntilFull: 3 }]]),
    standbys: 1,
    ...change,
  }
}

/** All is well: every replica is hot, nothing fills. */
function whole(rows: readonly NodeRow[] = [row('n1'), row('n2'), row('n3')]): ClusterFacts {
  const hot = report([replica('hot', 30), replica('hot', 30), replica('hot', 30)])
  const { map } = facts()
  const shards = map.shards.map((entry) => ({ ...entry, warming: [] }))
  const reports = new Map([
    ['n1', hot],
    ['n2', hot],
    ['n3', report([])],
  ])
  return facts({ map: { ...map, shards }, rows, reports })
}

describe('the view of a cluster', () => {
  it('tells of each node what it is for, and how it is', () => {
    const { nodes } = clusterView(facts())

    expect(nodes).toMatchObject([
      { id: 'n1', state: 'up', primaries: 3, standbys: 0, loopDelayMs: 2, isCoordinator: false },
      { id: 'n2', state: 'up', primaries: 0, standbys: 3, warming: 0, isCoordinator: true },
      { id: 'n3', state: 'up', primaries: 0, standbys: 0, warming: 1, epoch: undefined },
    ])
  })

  it('tells of each replica how far it is, and whether others have the same facts', () => {
    const { shards } = clusterView(facts())

    expect(shards[0]).toMatchObject({
      hot: 2,
      log: { hoursUntilFull: 3 },
      replicas: [
        { node: 'n1', role: 'primary', status: 'hot', lag: 0, flushed: 29, digest: 'agreed' },
        { node: 'n2', role: 'standby', status: 'hot', lag: 2, applied: 28, digest: 'agreed' },
      ],
    })
    expect(shards[1]?.replicas).toMatchObject([
      { digest: 'suspect' },
      { status: 'lagging', lag: 18, digest: 'suspect' },
    ])
    expect(shards[2]?.replicas).toMatchObject([
      { digest: 'unknown' },
      { digest: 'unknown' },
      { node: 'n3', role: 'warming', status: 'recovering', lag: undefined, digest: 'unknown' },
    ])
  })

  it('counts the shards that have replicas enough, too few, and none', () => {
    const { reports } = facts()
    const n1 = report([replica('hot', 30), replica('recovering', 3), replica('stopped', 3)])

    const asIs = clusterView(facts())
    const worse = clusterView(facts({ reports: new Map([...reports, ['n1', n1]]) }))
    const alone = clusterView(facts({ rows: [row('n1'), row('n2', 'decommission')] }))

    expect(asIs.redundancy).toEqual({ wanted: 2, full: 2, reduced: 1, none: 0 })
    expect(worse.redundancy).toEqual({ wanted: 2, full: 1, reduced: 1, none: 1 })
    expect(alone.redundancy).toEqual({ wanted: 1, full: 3, reduced: 0, none: 0 })
  })

  it('does not count on replicas of a node that is silent, or was never heard', () => {
    const { reports } = facts()
    const silent = report([replica('hot', 28)], 1_001)

    const view = clusterView(facts({ reports: new Map([...reports, ['n2', silent]]) }))

    expect(view.nodes[1]).toMatchObject({ state: 'away', silentMs: 1_001 })
    expect(view.shards[0]).toMatchObject({ hot: 1, replicas: [{}, { status: 'away' }] })
    expect(clusterView(facts({ reports: new Map() })).nodes[0]).toMatchObject({
      state: 'away',
      silentMs: undefined,
    })
  })
})

describe('taking a node out of service', () => {
  const refusal = (id: string, intent: Intent, of: ClusterFacts) =>
    refusalOf(id, intent, clusterView(of))

  it('is right where every shard has its replicas and nobody else leaves', () => {
    expect(refusal('n1', 'drain', whole())).toBeUndefined()
    expect(refusal('n1', 'decommission', whole())).toBeUndefined()
  })

  it('is refused while a shard has too few replicas', () => {
    expect(refusal('n1', 'drain', facts())).toMatch(
      /^1 shard has fewer than 2 caught-up replicas \(1\)/,
    )
  })

  it('is refused while another one leaves, until it holds nothing and is gone', () => {
    const leaving = whole([row('n1'), row('n2', 'drain'), row('n3')])
    const { reports } = leaving
    const gone = new Map([...reports, ['n3', report([], 60_000)] as const])
    const left = { ...whole([row('n1'), row('n2'), row('n3', 'decommission')]), reports: gone }

    expect(refusal('n1', 'drain', leaving)).toMatch(/^n2 drains already/)
    expect(refusal('n1', 'drain', left)).toBeUndefined()
  })

  it('is refused where nobody could take over', () => {
    expect(refusal('n1', 'drain', whole([row('n1')]))).toMatch(/^no other node/)
    expect(refusal('n1', 'decommission', whole([row('n1'), row('n2', 'drain')]))).toMatch(
      /^no other node/,
    )
  })

  it('is right for one that is away: so it is replaced at once', () => {
    const { reports } = facts()
    const away = new Map([...reports, ['n2', report([], 30_000)] as const])

    expect(refusal('n2', 'decommission', facts({ reports: away }))).toBeUndefined()
    expect(refusal('n1', 'drain', facts({ reports: away }))).toMatch(/^3 shards have fewer/)
  })

  it('may always be taken back', () => {
    expect(refusal('n2', 'serve', whole([row('n1'), row('n2', 'drain')]))).toBeUndefined()
  })
})
