import { describe, expect, it } from 'vitest'
import type { ClusterMap, Replicas } from '../../../src/core/cluster/cluster-map.ts'
import { initialMap, nextMap } from '../../../src/core/cluster/next-map.ts'
import { holdersOf, ModelCluster, timing } from './model-cluster.ts'

const shardCount = 16

/** Nodes n1 to n<count>, at rest. */
function clusterOf(count: number, standbys = 1): ModelCluster {
  const cluster = new ModelCluster(shardCount, standbys)
  for (let number = 1; number <= count; number++) cluster.start(`n${number}`)
  rest(cluster)
  return cluster
}

function rest(cluster: ModelCluster): void {
  for (let looks = 0, quiet = 0; quiet < 10; looks++) {
    if (looks > 500) throw new Error('goes in circles')
    quiet = cluster.look() ? 0 : quiet + 1
  }
}

function mapOf({ map }: ModelCluster): ClusterMap {
  if (map === undefined) throw new Error('no map')
  return map
}

/** The map after one look; what it changes. */
function step(cluster: ModelCluster, ms = 200): { before: ClusterMap; after: ClusterMap } {
  const before = mapOf(cluster)
  cluster.look(ms)
  return { before, after: mapOf(cluster) }
}

function led({ shards }: ClusterMap, id: string): readonly number[] {
  return shards.flatMap(({ primary }, shard) => (primary === id ? [shard] : []))
}

function held({ shards }: ClusterMap, id: string): number {
  return shards.filter((entry) => holdersOf(entry).includes(id)).length
}

function entriesOf({ shards }: ClusterMap, numbers: readonly number[]): readonly Replicas[] {
  return shards.filter((_, shard) => numbers.includes(shard))
}

describe('the first map', () => {
  it('gives every shard to a node that serves, in its present life', () => {
    const cluster = new ModelCluster(shardCount, 1)
    for (const id of ['n1', 'n2', 'n3']) cluster.start(id)
    cluster.intend('n3', 'drain')
    const rows = Array.from(cluster.nodes.values(), ({ row }) => row)

    const map = initialMap(rows, [7, 8], [], 1)

    const [first, second] = map?.shards ?? []
    expect([first?.incarnation, second?.incarnation]).toEqual([7, 8])
    for (const entry of map?.shards ?? []) {
      expect(new Set(holdersOf(entry))).toEqual(new Set(['n1', 'n2']))
      expect(entry.boot).toBe(cluster.nodes.get(entry.primary)?.row.boot)
    }
  })

  it('waits for a node that serves', () => {
    expect(initialMap([], [1], [], 1)).toBeUndefined()
  })
})

describe('a node that is silent', () => {
  it('loses all that it leads in one step, and stands by for it', () => {
    const cluster = clusterOf(3)
    cluster.kill('n1')

    const { before, after } = step(cluster, timing.downMs + 1)

    const lost = led(before, 'n1')
    expect(lost.length).toBeGreaterThan(0)
    expect(led(after, 'n1')).toEqual([])
    for (const entry of entriesOf(after, lost)) {
      expect(entry.standbys.at(-1)).toBe('n1')
      expect(entry.epoch).toBe(after.epoch)
    }
  })

  it('is not silent before its time', () => {
    const cluster = clusterOf(3)
    cluster.kill('n1')

    expect(cluster.look(timing.downMs)).toBe(false)
  })

  it('keeps its copies for a while; then others are made', () => {
    const cluster = clusterOf(4)
    const before = held(mapOf(cluster), 'n1')
    cluster.kill('n1')

    rest(cluster)
    expect(held(mapOf(cluster), 'n1')).toBe(before)

    cluster.look(timing.replaceMs)
    rest(cluster)
    expect(held(mapOf(cluster), 'n1')).toBe(0)
    expect(mapOf(cluster).shards.every(({ standbys }) => standbys.length === 1)).toBe(true)
  })

  it('leads again what it should when it is back', () => {
    const cluster = clusterOf(3)
    cluster.kill('n1')
    rest(cluster)

    cluster.start('n1')
    rest(cluster)

    for (const id of ['n1', 'n2', 'n3'])
      expect(led(mapOf(cluster), id).length).toBeLessThanOrEqual(6)
  })

  it('stays the primary of what nobody else holds, until somebody does', () => {
    const cluster = clusterOf(2, 0)
    cluster.kill('n1')

    const { before, after } = step(cluster, timing.downMs + 1)
    expect(led(after, 'n1')).toEqual(led(before, 'n1'))

    rest(cluster)
    expect(led(mapOf(cluster), 'n2')).toHaveLength(shardCount)
  })
})

describe('where no replica is hot', () => {
  it('the one that has folded most takes over, but none that has stopped', () => {
    const cluster = clusterOf(4, 3)
    const shard = led(mapOf(cluster), 'n1')[0] ?? 0
    for (const [id, applied] of [
      ['n2', 10],
      ['n3', 30],
      ['n4', 90],
    ] as const) {
      cluster.lag(id, true)
      const replica = cluster.nodes.get(id)?.replicas.get(shard)
      if (replica) replica.applied = applied
    }
    cluster.stop('n4', shard)
    cluster.kill('n1')

    const { after } = step(cluster, timing.downMs + 1)

    expect(after.shards[shard]?.primary).toBe('n3')
  })

  it('a planned move waits', () => {
    const cluster = clusterOf(2)
    cluster.lag('n2', true)
    cluster.intend('n1', 'drain')

    expect(cluster.look()).toBe(false)
  })
})

describe('a hot replica', () => {
  it('is promoted before one that is not, even if its node drains', () => {
    const cluster = clusterOf(3, 2)
    const shard = led(mapOf(cluster), 'n1')[0] ?? 0
    cluster.intend('n3', 'drain')
    cluster.look()
    cluster.lag('n2', true)
    const replica = cluster.nodes.get('n2')?.replicas.get(shard)
    if (replica) replica.applied += 5
    cluster.kill('n1')

    const { after } = step(cluster, timing.downMs + 1)

    expect(after.shards[shard]?.primary).toBe('n3')
  })

  it('is promoted before one that is not, even if it was only being filled', () => {
    const cluster = clusterOf(3)
    const shard = led(mapOf(cluster), 'n1')[0] ?? 0
    const standby = mapOf(cluster).shards[shard]?.standbys[0] ?? ''
    const other = standby === 'n2' ? 'n3' : 'n2'
    cluster.moves = [{ shard, to: other }]
    for (let looks = 0; looks < 3; looks++) cluster.look()
    expect(mapOf(cluster).shards[shard]?.warming).toEqual([other])
    cluster.lag(standby, true)
    cluster.kill('n1')

    const { after } = step(cluster, timing.downMs + 1)

    expect(after.shards[shard]).toMatchObject({ primary: other, warming: [] })
  })

  it('is none that a former life of its node told of', () => {
    const cluster = clusterOf(2)
    cluster.intend('n1', 'drain')
    const input = cluster.input()
    if (input === undefined) throw new Error('no map')
    const restarted = input.rows.map((row) => (row.id === 'n2' ? { ...row, boot: 'new' } : row))
    const paused = { ...input, isPaused: true }

    expect(led(nextMap(paused) ?? mapOf(cluster), 'n1')).toEqual([])
    expect(led(nextMap({ ...paused, rows: restarted }) ?? mapOf(cluster), 'n1')).not.toEqual([])
  })

  it('that has folded most is promoted', () => {
    const cluster = clusterOf(3, 2)
    const shard = led(mapOf(cluster), 'n1')[0] ?? 0
    const last = mapOf(cluster).shards[shard]?.standbys.at(-1) ?? ''
    const replica = cluster.nodes.get(last)?.replicas.get(shard)
    if (replica) replica.applied += 5
    cluster.kill('n1')

    const { after } = step(cluster, timing.downMs + 1)

    expect(after.shards[shard]?.primary).toBe(last)
  })
})

describe('a primary that works no longer', () => {
  it('because its process is another one, hands over to a hot standby', () => {
    const cluster = clusterOf(3)
    cluster.start('n1')

    const { before, after } = step(cluster)

    expect(led(before, 'n1').length).toBeGreaterThan(0)
    expect(led(after, 'n1')).toEqual([])
  })

  it('because its process is another one, leads in another epoch where there is no standby', () => {
    const cluster = clusterOf(2, 0)
    const shards = led(mapOf(cluster), 'n1')
    cluster.start('n1')

    const { after } = step(cluster)

    const boot = cluster.nodes.get('n1')?.row.boot
    for (const entry of entriesOf(after, shards))
      expect(entry).toMatchObject({ primary: 'n1', boot, epoch: after.epoch })
  })

  it('because it cannot follow a shard, hands over that shard alone', () => {
    const cluster = clusterOf(3)
    const shards = led(mapOf(cluster), 'n1')
    const stopped = shards[0] ?? 0
    cluster.stop('n1', stopped)

    const { after } = step(cluster)

    expect(led(after, 'n1')).toEqual(shards.slice(1))
    expect(after.shards[stopped]?.standbys).toContain('n1')
  })

  it('because somebody led in a greater epoch, leads in one that is greater still', () => {
    const cluster = clusterOf(1)
    const input = cluster.input()
    const report = input?.reports.get('n1')
    const replica = report?.replicas.get(0)
    if (input === undefined || report === undefined || replica === undefined)
      throw new Error('no report')
    const replicas = new Map(report.replicas).set(0, { ...replica, epoch: 1_000 })

    const next = nextMap({ ...input, reports: new Map([['n1', { ...report, replicas }]]) })

    expect(next).toMatchObject({ epoch: 1_001 })
    expect(next?.shards[0]).toMatchObject({ primary: 'n1', epoch: 1_001 })
    expect(next?.shards[1]?.epoch).toBe(mapOf(cluster).shards[1]?.epoch)
  })
})

describe('a coordinator', () => {
  it('that stood still accuses nobody and takes nobody’s copies, however long they seem silent', () => {
    const cluster = clusterOf(4)
    for (const id of ['n2', 'n3', 'n4']) cluster.kill(id)
    cluster.canAccuse = false

    expect(cluster.look(timing.replaceMs * 2)).toBe(false)
  })

  it('that has just begun does not take a node that it never heard for one that is gone for good', () => {
    const cluster = clusterOf(4)
    cluster.kill('n4')
    rest(cluster)
    const input = cluster.input()
    if (input === undefined) throw new Error('no map')
    const reports = new Map(input.reports)
    reports.delete('n4')

    expect(nextMap({ ...input, reports, listeningMs: 2_000 })).toBeUndefined()
    expect(nextMap({ ...input, reports, listeningMs: timing.replaceMs + 1 })).toBeDefined()
  })
})

describe('a node that drains', () => {
  it('hands over all that it leads in one step; no data moves', () => {
    const cluster = clusterOf(3)
    const before = held(mapOf(cluster), 'n1')
    cluster.intend('n1', 'drain')

    const { after } = step(cluster)
    expect(led(after, 'n1')).toEqual([])

    rest(cluster)
    expect(held(mapOf(cluster), 'n1')).toBe(before)
    expect(mapOf(cluster).shards.flatMap(({ warming }) => warming)).toEqual([])
  })
})

describe('a node that is decommissioned', () => {
  it('leaves nothing behind, and no shard has fewer hot replicas meanwhile', () => {
    const cluster = clusterOf(3)
    let fewest = 2
    cluster.onStep = (_, { shards }) => {
      const hot = shards.map(({ primary, standbys }) => [primary, ...standbys].length)
      fewest = Math.min(fewest, ...hot)
    }
    cluster.intend('n1', 'decommission')

    rest(cluster)

    expect(held(mapOf(cluster), 'n1')).toBe(0)
    expect(fewest).toBe(2)
  })
})

describe('a node that joins', () => {
  it('is filled by two shards at a time, and leads a shard only once it is hot', () => {
    const cluster = clusterOf(3)
    const most = { warming: 0, handovers: 0 }
    cluster.onStep = ({ map }, { shards }) => {
      const warming = shards.filter((one) => one.warming.includes('n4')).length
      const changed = shards.filter(({ primary }, i) => primary !== map.shards[i]?.primary)
      most.warming = Math.max(most.warming, warming)
      most.handovers = Math.max(most.handovers, changed.length)
      for (const [shard, { primary }] of shards.entries())
        if (primary === 'n4') expect(cluster.nodes.get('n4')?.replicas.get(shard)?.left).toBe(0)
    }
    cluster.start('n4')

    rest(cluster)

    expect(led(mapOf(cluster), 'n4').length).toBeGreaterThan(0)
    expect(most).toEqual({ warming: timing.warmingsPerNode, handovers: 1 })
  })

  it('gets nothing while moves are paused; failing over goes on', () => {
    const cluster = clusterOf(3)
    cluster.isPaused = true
    cluster.start('n4')
    rest(cluster)
    expect(held(mapOf(cluster), 'n4')).toBe(0)

    cluster.kill('n1')
    rest(cluster)
    expect(led(mapOf(cluster), 'n1')).toEqual([])
  })
})

describe('a wish', () => {
  it('makes a node lead that had no copy, also while moves are paused', () => {
    const cluster = clusterOf(3)
    cluster.isPaused = true
    const shard = mapOf(cluster).shards.findIndex((entry) => !holdersOf(entry).includes('n3'))
    cluster.moves = [{ shard, to: 'n3' }]

    rest(cluster)

    expect(mapOf(cluster).shards[shard]?.primary).toBe('n3')
    expect(mapOf(cluster).shards[shard]?.standbys).toHaveLength(1)
  })

  it('for a node that is away or unknown changes nothing', () => {
    const cluster = clusterOf(3)
    cluster.kill('n3')
    rest(cluster)
    cluster.moves = [
      { shard: 0, to: 'n3' },
      { shard: 1, to: 'stranger' },
      { shard: 99, to: 'n1' },
    ]

    expect(cluster.look()).toBe(false)
  })
})

describe('a cluster that cannot be balanced yet', () => {
  it('comes to rest though a lead would have to pass through a node that is full', () => {
    const cluster = new ModelCluster(shardCount, 1)
    const start = (n: number) => cluster.start(`n${n}`, `h${n % 3}`, `z${(n % 3) % 2}`)
    for (const n of [0, 1, 3]) start(n)
    cluster.kill('n0')
    cluster.look(50)
    start(2)
    cluster.moves = [{ shard: 0, to: 'n0' }]
    cluster.look(50)
    start(1)
    cluster.look(50)
    cluster.moves = []
    for (const n of [3, 2, 1, 0]) start(n)

    rest(cluster)
    cluster.look(timing.replaceMs)
    rest(cluster)

    expect(mapOf(cluster).shards.every(({ standbys }) => standbys.length === 1)).toBe(true)
  })

  it('comes to rest though the nodes that have room are away', () => {
    const cluster = new ModelCluster(shardCount, 1)
    const start = (n: number) => cluster.start(`n${n}`, `h${n}`, `z${n % 3}`)
    for (const n of [0, 1, 3, 5]) start(n)
    cluster.moves = [{ shard: 0, to: 'n0' }]
    cluster.look(50)
    for (const n of [0, 5, 3]) cluster.kill(`n${n}`)
    cluster.moves = []
    for (const n of [0, 1, 0]) start(n)

    rest(cluster)

    expect(led(mapOf(cluster), 'n3')).toEqual([])
    expect(led(mapOf(cluster), 'n5')).toEqual([])
  })

  it('comes to rest though a copy never ends, and goes on with those that were begun', () => {
    const cluster = new ModelCluster(shardCount, 0)
    const start = (n: number) => cluster.start(`n${n}`, `h${n % 2}`)
    for (const n of [0, 1]) start(n)
    cluster.look(50)
    start(5)
    cluster.canAccuse = false
    cluster.lag('n5', true)
    cluster.look(50)
    for (const n of [2, 0]) start(n)
    cluster.intend('n1', 'drain')

    rest(cluster)

    expect(mapOf(cluster).shards.some(({ warming }) => warming.includes('n5'))).toBe(true)
  })
})

describe('namespaces of the map', () => {
  const loyalty = { name: 'loyalty', class: 'account', rank: 5, normalise: 'text' } as const

  it('follow the identity configuration in a step of their own, which moves nothing', () => {
    const cluster = clusterOf(2)
    cluster.namespaces = [loyalty]

    const { before, after } = step(cluster)

    expect(after).toEqual({ ...before, epoch: before.epoch + 1, namespaces: [loyalty] })
    expect(cluster.look()).toBe(false)
  })

  it('stay while it is not known what every shard takes', () => {
    const cluster = clusterOf(2)
    cluster.namespaces = [loyalty]
    cluster.look()
    cluster.namespaces = undefined

    expect(cluster.look()).toBe(false)
    expect(mapOf(cluster).namespaces).toEqual([loyalty])
  })
})
