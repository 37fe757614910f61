import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ClusterMap, Replicas } from '../../../src/core/cluster/cluster-map.ts'
import type { NextMapInput } from '../../../src/core/cluster/next-map.ts'
import { holdersOf, isHot, ModelCluster, timing } from './model-cluster.ts'

const shardCount = 16
const nodeCount = 6

/** Where the nodes are; a host is in one zone. */
const places = fc.record({
  hosts: fc.constantFrom(2, 3, nodeCount),
  zones: fc.integer({ min: 1, max: 3 }),
  standbys: fc.constantFrom(0, 1, 1, 2),
})

interface Scene {
  readonly cluster: ModelCluster
  readonly start: (node: number) => void
}

type Action = (scene: Scene) => void

/** An action that prints as what it does. */
function action(name: string, ...args: readonly unknown[]): (run: Action) => Action {
  return (run) => Object.assign(run, { toString: () => `${name} ${args.join(' ')}` })
}

const node = fc.nat(nodeCount - 1)
const shard = fc.nat(shardCount - 1)

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: node.map((n) => action('start', n)(({ start }) => start(n))),
  },
  {
    weight: 4,
    arbitrary: node.map((n) => action('kill', n)(({ cluster }) => cluster.kill(`n${n}`))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(node, fc.constantFrom('serve', 'drain', 'decommission'))
      .map(([n, to]) => action('intend', n, to)(({ cluster }) => cluster.intend(`n${n}`, to))),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(node, fc.boolean())
      .map(([n, is]) => action('lag', n, is)(({ cluster }) => cluster.lag(`n${n}`, is))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(node, shard)
      .map(([n, s]) => action('stop', n, s)(({ cluster }) => cluster.stop(`n${n}`, s))),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(node, shard).map(([n, s]) =>
      action(
        'wish',
        n,
        s,
      )(({ cluster }) => {
        const others = cluster.moves.filter((one) => one.shard !== s)
        cluster.moves = [...others, { shard: s, to: `n${n}` }]
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((is) =>
      action(
        'pause',
        is,
      )(({ cluster }) => {
        cluster.isPaused = is
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((can) =>
      action(
        'accuse',
        can,
      )(({ cluster }) => {
        cluster.canAccuse = can
      }),
    ),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom(50, 200, 400, 80_000))
      .map(([times, ms]) =>
        action(
          'look',
          times,
          ms,
        )(({ cluster }) => {
          for (let i = 0; i < times; i++) cluster.look(ms)
        }),
      ),
  },
)

/** What the tests must have seen for what they say to mean something. */
const seen = { failovers: 0, cold: 0, planned: 0, balance: 0, copies: 0, left: 0, lives: 0 }

test('whatever happens to nodes, every step keeps what the cluster promises, and they come to an end', () => {
  fc.assert(
    fc.property(
      places,
      fc.array(actions, { minLength: 10, maxLength: 40 }),
      ({ hosts, zones, standbys }, run) => {
        const cluster = new ModelCluster(shardCount, standbys)
        const start = (n: number) =>
          cluster.start(`n${n}`, `h${n % hosts}`, `z${(n % hosts) % zones}`)
        cluster.onStep = checkStep
        start(0)
        start(1)
        for (const act of run) act({ cluster, start })

        rest(cluster)
        heal(cluster, start)
        cluster.look(timing.replaceMs)
        rest(cluster)
        checkEnd(cluster, standbys, hosts === nodeCount && zones === 1)
      },
    ),
    { numRuns: 150 },
  )
  for (const [state, count] of Object.entries(seen)) expect(count, state).toBeGreaterThan(10)
})

/** Looks until nothing changes any more, whatever is broken. */
function rest(cluster: ModelCluster): void {
  let quiet = 0
  for (let i = 0; quiet < 10; i++) {
    quiet = cluster.look() ? 0 : quiet + 1
    expect(i, 'looks until nothing changes').toBeLessThan(1_000)
  }
}

/** Those who are there are well again, and at least one serves. */
function heal(cluster: ModelCluster, start: (node: number) => void): void {
  cluster.isPaused = false
  cluster.canAccuse = true
  cluster.moves = []
  for (const [id, { row, isUp }] of cluster.nodes) {
    if (!isUp) continue
    cluster.start(id, row.host, row.zone)
    cluster.intend(id, row.intent)
  }
  start(0)
}

/** Promises of a single step. */
function checkStep(input: NextMapInput, next: ClusterMap): void {
  const { map, reports } = input
  expect(next.epoch).toBeGreaterThan(map.epoch)
  for (const { replicas } of reports.values())
    for (const { epoch } of replicas.values()) expect(next.epoch).toBeGreaterThan(epoch)
  let handovers = 0
  for (const [shard, after] of next.shards.entries()) {
    const before = map.shards[shard]
    if (before === undefined) throw new Error('a shard came from nowhere')
    expect(new Set(holdersOf(after)).size).toBe(holdersOf(after).length)
    checkEpoch(input, next, shard, before, after)
    if (after.primary !== before.primary && checkPromotion(input, shard, before, after)) handovers++
    checkCopies(input, shard, before, after)
  }
  expect(handovers).toBeLessThanOrEqual(Math.max(1, Math.floor(shardCount / 10)))
  for (const { id } of input.rows)
    expect(warmings(next, id)).toBeLessThanOrEqual(
      Math.max(timing.warmingsPerNode, warmings(map, id)),
    )
}

/** N1: another life leads only in another epoch. */
function checkEpoch(
  { rows }: NextMapInput,
  next: ClusterMap,
  shard: number,
  before: Replicas,
  after: Replicas,
): void {
  expect([before.epoch, next.epoch], `epoch of shard ${shard}`).toContain(after.epoch)
  const isSameLife = after.primary === before.primary && after.boot === before.boot
  if (isSameLife) return
  expect(after.epoch).toBe(next.epoch)
  expect(after.boot).toBe(rows.find(({ id }) => id === after.primary)?.boot)
  if (after.primary === before.primary) seen.lives++
}

/** N2. True where the old primary could have stayed. */
function checkPromotion(
  input: NextMapInput,
  shard: number,
  before: Replicas,
  after: Replicas,
): boolean {
  const others = [...before.standbys, ...before.warming]
  const hot = others.filter((id) => isHot(input, id, shard))
  const old = input.rows.find(({ id }) => id === before.primary)
  const report = input.reports.get(before.primary)
  const silentMs = report?.silentMs ?? input.listeningMs
  const isGone = old === undefined || (input.canAccuse && silentMs > timing.downMs)
  if (isHot(input, after.primary, shard)) {
    const applied = (id: string) => input.reports.get(id)?.replicas.get(shard)?.applied ?? 0
    const isServing = (id: string) =>
      input.rows.some((row) => row.id === id && row.intent === 'serve')
    const most = Math.max(...hot.filter(isServing).map(applied))
    if (isGone && isServing(after.primary)) expect(applied(after.primary)).toBe(most)
  } else {
    expect([isGone, hot]).toEqual([true, []])
    seen.cold++
  }
  if (isGone) seen.failovers++
  const isStopped = report?.replicas.get(shard)?.status === 'stopped'
  const works = !isGone && !isStopped && old.intent === 'serve' && old.boot === before.boot
  if (works) {
    const isWished = input.moves.some((one) => one.shard === shard && one.to === after.primary)
    expect([input.isPaused, isWished]).not.toEqual([true, false])
    seen.balance++
  } else if (!isGone) seen.planned++
  return works
}

/** N3. */
function checkCopies(input: NextMapInput, shard: number, before: Replicas, after: Replicas): void {
  const { canAccuse, rows, reports, standbys, listeningMs } = input
  const silentMs = (id: string) => reports.get(id)?.silentMs ?? listeningMs
  const members = rows.filter(
    ({ id, intent }) =>
      intent !== 'decommission' && (!canAccuse || silentMs(id) <= timing.replaceMs),
  )
  const wanted = Math.max(1, Math.min(standbys + 1, members.length))
  const hotOf = ({ primary, standbys }: Replicas) =>
    [primary, ...standbys].filter((id) => isHot(input, id, shard)).length
  expect(hotOf(after)).toBeGreaterThanOrEqual(Math.min(hotOf(before), wanted))
  const gone = [before.primary, ...before.standbys].filter((id) => !holdersOf(after).includes(id))
  const known = gone.filter((id) => rows.some((row) => row.id === id))
  // With nobody who is hot, every replica may be the only one that has everything.
  if (known.length > 0) expect(hotOf(after)).toBeGreaterThan(0)
  seen.left += gone.length
  seen.copies += after.warming.filter((id) => !holdersOf(before).includes(id)).length
}

function warmings({ shards }: ClusterMap, id: string): number {
  return shards.filter(({ warming }) => warming.includes(id)).length
}

/** What is true once nothing changes any more. */
function checkEnd(cluster: ModelCluster, standbys: number, isEven: boolean): void {
  const input = cluster.input()
  if (input === undefined) throw new Error('no map')
  const there = input.rows.filter(
    ({ id, intent }) => cluster.nodes.get(id)?.isUp && intent !== 'decommission',
  )
  const byId = new Map(there.map((row) => [row.id, row]))
  const wanted = Math.min(standbys + 1, there.length)
  for (const [shard, entry] of input.map.shards.entries()) {
    expect(holdersOf(entry)).toHaveLength(wanted)
    expect(holdersOf(entry).filter((id) => isHot(input, id, shard))).toHaveLength(wanted)
    expect(entry.warming).toEqual([])
    expect(byId.get(entry.primary)).toMatchObject({ intent: 'serve', boot: entry.boot })
    const hosts = new Set(holdersOf(entry).map((id) => byId.get(id)?.host))
    const takers = there.filter(({ intent }) => intent === 'serve')
    const most = new Set(takers.map(({ host }) => host)).size
    expect(hosts.size).toBeGreaterThanOrEqual(Math.min(wanted, most))
  }
  const isDraining = there.some(({ intent }) => intent !== 'serve')
  if (!isEven || isDraining) return
  for (const { id } of there) {
    const leads = input.map.shards.filter(({ primary }) => primary === id).length
    expect(leads).toBeLessThanOrEqual(Math.ceil((1.1 * shardCount) / there.length))
  }
}
