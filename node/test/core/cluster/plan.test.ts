import { describe, expect, it } from 'vitest'
import type {
  ClusterMap,
  Intent,
  NodeReport,
  NodeRow,
} from '../../../src/core/cluster/cluster-map.ts'
import { initialMap, type NextMapInput, nextMap } from '../../../src/core/cluster/next-map.ts'
import { assumeFollowed, describePlan, type PlannedMove } from '../../../src/core/cluster/plan.ts'

const shards = 16

function row(id: string, intent: Intent = 'serve'): NodeRow {
  return { id, boot: id, host: id, zone: '', weight: 1, intent, foldVersion: 1 }
}

/** Nodes `before` have the shards; then the rows are `now`. */
function inputOf(before: readonly NodeRow[], now: readonly NodeRow[]): NextMapInput {
  const incarnations = Array.from({ length: shards }, () => 1)
  const map = initialMap(before, incarnations, [], 1)
  if (map === undefined) throw new Error('no node serves')
  const reports = new Map<string, NodeReport>(
    now.map(({ id, boot }) => [id, { boot, silentMs: 0, replicas: new Map() }]),
  )
  const timing = { downMs: 1_000, replaceMs: 300_000, warmingsPerNode: 2 }
  const none = { isPaused: false, moves: [], listeningMs: 0 }
  const input = { map, rows: before, reports, incarnations, standbys: 1, timing, canAccuse: true }
  const settled = steps({ ...input, ...none })
  return { ...settled, rows: now }
}

function steps(input: NextMapInput): NextMapInput {
  let last = assumeFollowed(input, input.map)
  for (let i = 0; i < 200; i++) {
    const next = nextMap(last)
    if (next === undefined) return last
    last = assumeFollowed(last, next)
  }
  throw new Error('goes in circles')
}

function planOf(input: NextMapInput): { end: ClusterMap; plan: readonly PlannedMove[] } {
  const { map: end } = steps(input)
  return { end, plan: describePlan(input.map, end, input.rows, input.moves) }
}

function count(plan: readonly PlannedMove[], what: PlannedMove['what']): number {
  return plan.filter((move) => move.what === what).length
}

describe('a plan', () => {
  it('is empty where nothing is to move', () => {
    const rows = [row('n1'), row('n2'), row('n3')]

    expect(planOf(inputOf(rows, rows)).plan).toEqual([])
  })

  it('of a node that joins says what is copied to it, what it leads then, and who lets go', () => {
    const rows = [row('n1'), row('n2')]
    const input = inputOf(rows, [...rows, row('n3')])

    const { plan, end } = planOf(input)

    expect(new Set(plan.map(({ why }) => why))).toEqual(new Set(['balance']))
    expect(count(plan, 'copy')).toBe(count(plan, 'leave'))
    expect(count(plan, 'lead')).toBeLessThanOrEqual(Math.ceil(shards / 3))
    expect(count(plan, 'lead')).toBeGreaterThan(0)
    for (const { what, to } of plan) if (what === 'copy') expect(to).toBe('n3')
    for (const { shard, what, from, to } of plan)
      if (what === 'lead')
        expect([from, to]).toEqual([input.map.shards[shard]?.primary, end.shards[shard]?.primary])
  })

  it('of a node that drains gives away what it leads, and keeps its replicas', () => {
    const before = [row('n1'), row('n2'), row('n3')]
    const input = inputOf(before, [row('n1', 'drain'), row('n2'), row('n3')])
    const led = input.map.shards.filter(({ primary }) => primary === 'n1').length

    const { plan, end } = planOf(input)

    const given = plan.filter(({ what, from }) => what === 'lead' && from === 'n1')
    expect(given).toHaveLength(led)
    expect(given.every(({ why }) => why === 'n1 drains')).toBe(true)
    expect(end.shards.some(({ primary }) => primary === 'n1')).toBe(false)
    expect(plan.filter(({ what, from }) => what === 'leave' && from === 'n1')).toEqual([])
  })

  it('of a node that is decommissioned leaves nothing on it', () => {
    const before = [row('n1'), row('n2'), row('n3')]
    const input = inputOf(before, [row('n1'), row('n2'), row('n3', 'decommission')])

    const { plan, end } = planOf(input)

    const holds = end.shards.filter(({ primary, standbys, warming }) =>
      [primary, ...standbys, ...warming].includes('n3'),
    )
    expect(holds).toEqual([])
    expect(plan.filter(({ what }) => what === 'leave')).toContainEqual(
      expect.objectContaining({ from: 'n3', why: 'n3 is decommissioned' }),
    )
  })

  it('says which move an operator asked for', () => {
    const rows = [row('n1'), row('n2'), row('n3')]
    const input = inputOf(rows, rows)
    const shard = input.map.shards.findIndex(({ primary }) => primary !== 'n3')

    const { plan } = planOf({ ...input, moves: [{ shard, to: 'n3' }] })

    expect(plan).toContainEqual(
      expect.objectContaining({ shard, what: 'lead', to: 'n3', why: 'an operator asked for it' }),
    )
  })
})
