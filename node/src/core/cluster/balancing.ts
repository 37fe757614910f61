import { allocate, type Member, type Placement } from './allocation.ts'
import type { Replicas } from './cluster-map.ts'
import type { ClusterSight } from './cluster-sight.ts'
import { promoted } from './succession.ts'

/** Primaries that change their node for balance in one step, so that few clients ask anew at once. */
const movesShare = 0.1
const movesMax = 20

/** One step towards enough replicas, and towards balance. */
export function balanced(shards: readonly Replicas[], sight: ClusterSight): readonly Replicas[] {
  const { standbys, timing, moves } = sight.input
  const members = membersOf(sight)
  if (members.length === 0) return shards
  const holders = shards.map(({ primary, standbys, warming }) => {
    return { primary, standbys: [...standbys, ...warming] }
  })
  const wishes = new Map(moves.map(({ shard, to }) => [shard, to]))
  const target = allocate(members, shards.length, standbys, holders, wishes)
  const wanted = Math.min(standbys + 1, members.length)
  const goals = shards.map((entry, shard) => {
    const isWished = target[shard]?.primary === wishes.get(shard)
    return goalOf(entry, target[shard], wanted, isWished, members, sight)
  })
  const warmings = countOf(shards.flatMap(({ warming }) => warming))
  const leads = countOf(shards.map(({ primary }) => primary))
  const most = countOf(goals.map(({ primary }) => primary))
  let swaps = Math.max(1, Math.min(movesMax, Math.floor(shards.length * movesShare)))
  return shards.map((entry, shard) => {
    const goal = goals[shard] ?? entry
    const { primary: from } = entry
    const { primary: to } = goal
    const grown = withReplicas(entry, shard, goal, wanted, sight, (id) => {
      const isFull = warmings.of(id) >= timing.warmingsPerNode
      if (isFull || !sight.isAlive(id)) return false
      warmings.add(id, 1)
      return true
    })
    const isReady = to !== from && grown.standbys.includes(to) && sight.isHot(to, shard)
    if (!isReady || swaps === 0) return grown
    const isHot = (id: string) => sight.isHot(id, shard)
    const isDue =
      to === wishes.get(shard) ||
      (goal.standbys.includes(from)
        ? // Who must give something away first does that first: else two nodes would swap for ever.
          leads.of(to) < most.of(to)
        : goal.standbys.every(isHot))
    if (!isDue) return grown
    swaps--
    leads.add(from, -1)
    leads.add(to, 1)
    return promoted(grown, to, sight)
  })
}

/** Nodes that may hold shards: those that serve or drain, and are there or gone for a moment only. */
function membersOf(sight: ClusterSight): readonly Member[] {
  return sight.input.rows
    .filter(({ id, intent }) => intent !== 'decommission' && sight.isExpected(id))
    .map((row) => ({ ...row, canLead: row.intent === 'serve' && sight.isAlive(row.id) }))
}

/** Who shall hold a shard, as far as it may move now. */
function goalOf(
  entry: Replicas,
  target: Placement | undefined,
  wanted: number,
  isWished: boolean,
  members: readonly Member[],
  sight: ClusterSight,
): Placement {
  if (target === undefined) return entry
  if (!sight.input.isPaused || isWished) return target
  // What is lost is replaced; nothing else moves.
  const isMember = (id: string) => members.some((member) => member.id === id)
  const here = [entry.primary, ...entry.standbys, ...entry.warming].filter(isMember)
  const more = [target.primary, ...target.standbys].filter((id) => !here.includes(id))
  const all = [...here, ...more].slice(0, Math.max(wanted, here.length))
  return { primary: entry.primary, standbys: all.filter((id) => id !== entry.primary) }
}

/** Those that are to come begin to be filled, those that arrived stand by, those that are too many leave. */
function withReplicas(
  entry: Replicas,
  shard: number,
  goal: Placement,
  wanted: number,
  sight: ClusterSight,
  mayWarm: (id: string) => boolean,
): Replicas {
  const goals = [goal.primary, ...goal.standbys]
  const isHot = (id: string) => sight.isHot(id, shard)
  const arrived = entry.warming.filter((id) => isHot(id) && goals.includes(id))
  let standbys = [...entry.standbys, ...arrived]
  const filling = entry.warming.filter((id) => !arrived.includes(id))
  const held = [entry.primary, ...standbys, ...filling]
  const coming = goals.filter((id) => !held.includes(id) && mayWarm(id))
  // What was begun goes on until all are there that shall be there instead.
  const isBegun = goals.every((id) => held.includes(id) || coming.includes(id))
  const warming = [...filling.filter((id) => !isBegun || goals.includes(id)), ...coming]
  const hot = [entry.primary, ...standbys].filter(isHot)
  const isEnough = hot.filter((id) => goals.includes(id)).length >= Math.min(wanted, goals.length)
  // While nobody is hot, one that is silent may be the only one that has everything.
  const isNeeded = (id: string) =>
    sight.row(id) !== undefined && !isEnough && (hot.length === 0 || sight.isAlive(id))
  standbys = standbys.filter((id) => goals.includes(id) || isNeeded(id))
  const hotFirst = [...standbys.filter(isHot), ...standbys.filter((id) => !isHot(id))]
  return { ...entry, standbys: hotFirst, warming }
}

interface Count {
  of(id: string): number
  add(id: string, by: number): void
}

function countOf(ids: readonly string[]): Count {
  const counts = new Map<string, number>()
  const of = (id: string) => counts.get(id) ?? 0
  const add = (id: string, by: number) => void counts.set(id, of(id) + by)
  for (const id of ids) add(id, 1)
  return { of, add }
}
