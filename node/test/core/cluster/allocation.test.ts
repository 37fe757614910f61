import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate, type Member, type Placement } from '../../../src/core/cluster/allocation.ts'

function member(number: number, differs: Partial<Member> = {}): Member {
  return {
    id: `n${number}`,
    host: `h${number}`,
    zone: '',
    weight: 1,
    canLead: true,
    ...differs,
  }
}

function nodes(count: number, differs: (number: number) => Partial<Member> = () => ({})): Member[] {
  return Array.from({ length: count }, (_, number) => member(number, differs(number)))
}

function holders({ primary, standbys }: Placement): readonly string[] {
  return [primary, ...standbys]
}

function leads(placements: readonly Placement[], id: string): number {
  return placements.filter(({ primary }) => primary === id).length
}

function holds(placements: readonly Placement[], id: string): number {
  return placements.filter((one) => holders(one).includes(id)).length
}

/** Holders that were none before. */
function copies(before: readonly Placement[], after: readonly Placement[]): number {
  return after.flatMap((one, shard) => {
    const old = holders(before[shard] ?? { primary: '', standbys: [] })
    return holders(one).filter((id) => !old.includes(id))
  }).length
}

function handovers(before: readonly Placement[], after: readonly Placement[]): number {
  return after.filter(({ primary }, shard) => primary !== before[shard]?.primary).length
}

/** 1.1 × the mean, up to a whole shard. */
function most(shards: number, count: number): number {
  return Math.ceil((1.1 * shards) / count)
}

const sizes = [3, 5, 10].flatMap((count) => [64, 256].map((shards) => ({ count, shards })))

describe.each(sizes)('of $shards shards on $count nodes', ({ count, shards }) => {
  const fresh = allocate(nodes(count), shards, 1, [])

  it('the fullest node has at most 1.1 times the mean', () => {
    for (const { id } of nodes(count)) {
      expect(leads(fresh, id)).toBeLessThanOrEqual(most(shards, count))
      expect(holds(fresh, id)).toBeLessThanOrEqual(most(2 * shards, count))
    }
  })

  it('where a node joins, hardly more than its part moves', () => {
    const joined = allocate(nodes(count + 1), shards, 1, fresh)

    expect(copies(fresh, joined)).toBeLessThanOrEqual(most(2 * shards, count + 1))
    expect(handovers(fresh, joined)).toBeLessThanOrEqual(most(shards, count + 1))
    expect(leads(joined, `n${count}`)).toBeGreaterThan(0)
  })

  it('where a node leaves, hardly more than its part moves', () => {
    const left = allocate(nodes(count).slice(1), shards, 1, fresh)

    expect(copies(fresh, left)).toBeLessThanOrEqual(holds(fresh, 'n0'))
    expect(handovers(fresh, left)).toBeLessThanOrEqual(most(shards, count))
  })
})

describe('whatever happened before', () => {
  const shards = fc.constantFrom(16, 64, 256)
  const hosts = fc.constantFrom(2, 3, 20)
  const zones = fc.integer({ min: 1, max: 3 })
  const weights = fc.boolean()
  // Each number is a node that joins or leaves.
  const changes = fc.array(fc.nat(11), { minLength: 1, maxLength: 14 })

  /** Passes each allocation of a history, with those who were there. */
  function play(
    numbers: readonly number[],
    shards: number,
    standbys: number,
    differs: (number: number) => Partial<Member>,
    check: (members: readonly Member[], after: readonly Placement[]) => void,
  ): void {
    let there: readonly number[] = []
    let current: readonly Placement[] = []
    for (const number of numbers) {
      const stay = there.filter((one) => one !== number)
      there = stay.length < there.length && stay.length > 0 ? stay : [...stay, number]
      const members = there.map((one) => member(one, differs(one)))
      current = allocate(members, shards, standbys, current)
      check(members, current)
    }
  }

  it('nothing moves when nothing changed', () => {
    fc.assert(
      fc.property(
        changes,
        shards,
        fc.nat(2),
        hosts,
        zones,
        weights,
        (numbers, count, standbys, hosts, zones, hasWeights) => {
          const differs = (number: number) => ({
            host: `h${number % hosts}`,
            zone: `z${number % zones}`,
            weight: hasWeights ? 1 + (number % 3) : 1,
            canLead: number % 5 !== 4,
          })
          play(numbers, count, standbys, differs, (members, after) =>
            expect(allocate(members, count, standbys, after)).toEqual(after),
          )
        },
      ),
      { numRuns: 60 },
    )
  })

  it('every shard has as many replicas as nodes allow, each on another node, and one leads', () => {
    fc.assert(
      fc.property(changes, fc.nat(2), hosts, zones, (numbers, standbys, hosts, zones) => {
        const differs = (number: number) => ({
          host: `h${number % hosts}`,
          zone: `z${number % zones}`,
          canLead: number % 5 !== 4,
        })
        play(numbers, 32, standbys, differs, (members, after) => {
          const leaders = members.filter(({ canLead }) => canLead).map(({ id }) => id)
          for (const one of after) {
            expect(new Set(holders(one)).size).toBe(Math.min(standbys + 1, members.length))
            if (leaders.length > 0) expect(leaders).toContain(one.primary)
          }
        })
      }),
      { numRuns: 60 },
    )
  })

  it('a standby is on another host than its primary, and in another zone, where there is one', () => {
    fc.assert(
      fc.property(changes, hosts, zones, (numbers, hosts, zones) => {
        // A host is in one zone.
        const differs = (number: number) => ({
          host: `h${number % hosts}`,
          zone: `z${(number % hosts) % zones}`,
        })
        play(numbers, 32, 1, differs, (members, after) => {
          const byId = new Map(members.map((one) => [one.id, one]))
          for (const word of ['host', 'zone'] as const) {
            const there = new Set(members.map((one) => one[word])).size
            for (const one of after) {
              const used = new Set(holders(one).map((id) => byId.get(id)?.[word]))
              expect(used.size).toBe(Math.min(2, there))
            }
          }
        })
      }),
      { numRuns: 60 },
    )
  })

  it('no node has more than 1.1 times its share', () => {
    fc.assert(
      fc.property(changes, shards, fc.nat(2), weights, (numbers, count, standbys, hasWeights) => {
        const weightOf = (number: number) => (hasWeights && number % 2 === 0 ? 2 : 1)
        play(
          numbers,
          count,
          standbys,
          (number) => ({ weight: weightOf(number) }),
          (members, after) => {
            const replicas = Math.min(standbys + 1, members.length)
            const total = members.reduce((sum, { weight }) => sum + weight, 0)
            // Where nodes are few, the heavy ones cannot have more than one replica of each shard.
            if (hasWeights && members.length < 3 * replicas) return
            for (const { id, weight } of members) {
              expect(leads(after, id)).toBeLessThanOrEqual(most(count * weight, total))
              expect(holds(after, id)).toBeLessThanOrEqual(most(count * replicas * weight, total))
            }
          },
        )
      }),
      { numRuns: 80 },
    )
  })
})

describe('a node that may not lead', () => {
  it('keeps its replicas, and those who stand by for it lead', () => {
    const before = allocate(nodes(3), 64, 1, [])
    const draining = nodes(3, (number) => ({ canLead: number !== 0 }))

    const after = allocate(draining, 64, 1, before)

    expect(leads(after, 'n0')).toBe(0)
    expect(copies(before, after)).toBe(0)
  })
})

describe('a node that is pinned to a shard', () => {
  it('leads it, though it held nothing of it, and the standby is on another host', () => {
    const members = nodes(4, (number) => ({ host: `h${number % 2}` }))
    const before = allocate(members, 16, 1, [])
    const shard = before.findIndex((one) => !holders(one).includes('n0'))

    const after = allocate(members, 16, 1, before, new Map([[shard, 'n0']]))

    expect(after[shard]?.primary).toBe('n0')
    expect(['n1', 'n3']).toContain(after[shard]?.standbys[0])
    expect(after[shard]?.standbys).toHaveLength(1)
  })

  it('does not, where it may not lead', () => {
    const members = nodes(3, (number) => ({ canLead: number !== 0 }))
    const before = allocate(members, 16, 1, [])

    expect(allocate(members, 16, 1, before, new Map([[0, 'n0']]))).toEqual(before)
    expect(allocate(members, 16, 1, before, new Map([[0, 'stranger']]))).toEqual(before)
  })
})

describe('a shard that has more holders than are wanted', () => {
  it('keeps the one that is being filled, and the fullest node lets go', () => {
    const before = allocate(nodes(3), 64, 1, [])
    const target = allocate(nodes(4), 64, 1, before)
    const shard = target.findIndex((one) => holders(one).includes('n3'))
    const now = before.map((one, index) =>
      index === shard ? { ...one, standbys: [...one.standbys, 'n3'] } : one,
    )

    const after = allocate(nodes(4), 64, 1, now)

    expect(holders(after[shard] ?? { primary: '', standbys: [] })).toContain('n3')
    expect(after[shard]?.standbys).toHaveLength(1)
  })
})
