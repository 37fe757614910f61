import type { Namespace } from '@halfsecond/protocol'
import { allocate, type Member, type Placement } from './allocation.ts'
import type { ClusterMap, NodeReport, NodeRow, ReplicaStatus, Replicas } from './cluster-map.ts'

/** An operator's wish: this node shall be the shard's primary. Holds until it is cancelled. */
export interface Move {
  readonly shard: number
  readonly to: string
}

export interface NextMapInput {
  readonly map: ClusterMap
  readonly rows: readonly NodeRow[]
  /** Of every node that was heard; the coordinator's own included. */
  readonly reports: ReadonlyMap<string, NodeReport>
  readonly incarnations: readonly number[]
  /** Replicas of a shard besides its primary. */
  readonly standbys: number
  readonly timing: {
    /** Silence that counts as a node's end. */
    readonly downMs: number
    /** Replicas of a node that does not come back are made elsewhere after this time. */
    readonly replaceMs: number
    /** Copies that one node makes at a time. */
    readonly warmingsPerNode: number
  }
  /** False where the coordinator itself may have been the one that stood still. */
  readonly canAccuse: boolean
  /** Nothing is moved for balance; failing over and replacing go on. */
  readonly isPaused: boolean
  readonly moves: readonly Move[]
}

/** Primaries that change their node for balance in one step, so that few clients ask anew at once. */
const movesShare = 0.1
const movesMax = 20

/** The first map: everything on the nodes that are there, with nothing to copy. */
export function initialMap(
  rows: readonly NodeRow[],
  incarnations: readonly number[],
  namespaces: readonly Namespace[],
  standbys: number,
): ClusterMap | undefined {
  const serving = rows.filter(({ intent }) => intent === 'serve')
  if (serving.length === 0) return undefined
  const members = serving.map((row) => ({ ...row, canLead: true }))
  const placements = allocate(members, incarnations.length, standbys, [])
  const shards = placements.map(({ primary, standbys: warming }, shard) => ({
    incarnation: incarnations[shard] ?? 0,
    primary,
    standbys: [],
    warming,
    epoch: 1,
    boot: serving.find(({ id }) => id === primary)?.boot ?? '',
  }))
  return { epoch: 1, nodes: rows.map(({ id }) => id), namespaces, shards }
}

/**
 * The map after the one step that is most urgent now, or undefined where nothing is to do. First
 * every shard gets a primary that works, then enough replicas, then balance.
 *
 * N1 an epoch of a shard belongs to one life of one node.
 * N2 only a hot replica becomes primary, unless the primary is gone and no replica is hot.
 * N3 no hot replica leaves before as many others are hot as are wanted, or were.
 */
export function nextMap(input: NextMapInput): ClusterMap | undefined {
  const view = new View(input)
  const led = input.map.shards.map((entry, shard) => withPrimary(entry, shard, view))
  if (led.some((entry, shard) => entry !== input.map.shards[shard])) return view.mapOf(led)
  const shards = balanced(led, view)
  const nodes = input.rows.map(({ id }) => id)
  const isSame =
    shards.every((entry, shard) => isEqual(entry, input.map.shards[shard])) &&
    nodes.join() === input.map.nodes.join()
  return isSame ? undefined : view.mapOf(shards)
}

/** What the coordinator knows, in the words of the rules. */
class View {
  readonly input: NextMapInput
  readonly epoch: number
  private readonly rows: ReadonlyMap<string, NodeRow>

  constructor(input: NextMapInput) {
    this.input = input
    this.rows = new Map(input.rows.map((row) => [row.id, row]))
    let epoch = input.map.epoch
    for (const { replicas } of input.reports.values())
      for (const report of replicas.values()) epoch = Math.max(epoch, report.epoch)
    this.epoch = epoch + 1
  }

  mapOf(shards: readonly Replicas[]): ClusterMap {
    const { map, rows } = this.input
    return { ...map, epoch: this.epoch, nodes: rows.map(({ id }) => id), shards }
  }

  row(id: string): NodeRow | undefined {
    return this.rows.get(id)
  }

  isServing(id: string): boolean {
    return this.row(id)?.intent === 'serve'
  }

  isAlive(id: string): boolean {
    const { canAccuse, reports, timing } = this.input
    const row = this.row(id)
    if (row === undefined) return false
    const report = reports.get(id)
    if (!canAccuse) return true
    return report !== undefined && report.silentMs <= timing.downMs
  }

  /** What the node's present life says of its replica. */
  status(id: string, shard: number): ReplicaStatus {
    const report = this.input.reports.get(id)
    if (report === undefined || report.boot !== this.row(id)?.boot) return 'recovering'
    return report.replicas.get(shard)?.status ?? 'recovering'
  }

  applied(id: string, shard: number): number {
    return this.input.reports.get(id)?.replicas.get(shard)?.applied ?? 0
  }

  isHot(id: string, shard: number): boolean {
    const { downMs } = this.input.timing
    const isHeard = (this.input.reports.get(id)?.silentMs ?? Number.POSITIVE_INFINITY) <= downMs
    return isHeard && this.status(id, shard) === 'hot'
  }

  ledEpoch(id: string, shard: number): number {
    return this.input.reports.get(id)?.replicas.get(shard)?.epoch ?? 0
  }
}

/** The same entry where its primary works. */
function withPrimary(entry: Replicas, shard: number, view: View): Replicas {
  const { primary, standbys, boot, epoch } = entry
  const row = view.row(primary)
  const isAlive = view.isAlive(primary)
  const isLeaving = row === undefined || row.intent !== 'serve'
  const isStopped = isAlive && view.status(primary, shard) === 'stopped'
  const isAnotherLife = row !== undefined && row.boot !== boot
  const isOvertaken = view.ledEpoch(primary, shard) > epoch
  if (isAlive && !isLeaving && !isStopped && !isAnotherLife && !isOvertaken) return entry
  const hot = best(
    standbys.filter((id) => view.isHot(id, shard) && view.isServing(id)),
    shard,
    view,
  )
  if (hot !== undefined && !(isOvertaken && isAlive && !isLeaving && !isStopped && !isAnotherLife))
    return promoted(entry, hot, view)
  if (row === undefined || !isAlive) {
    const living = standbys.filter((id) => view.isAlive(id))
    const next = best(living, shard, view)
    if (next !== undefined) return promoted(entry, next, view)
  }
  if (row !== undefined && isAlive && (isAnotherLife || isOvertaken))
    return { ...entry, epoch: view.epoch, boot: row.boot }
  return entry
}

/** The one that has folded most; of equals the first. */
function best(ids: readonly string[], shard: number, view: View): string | undefined {
  let found: string | undefined
  for (const id of ids)
    if (found === undefined || view.applied(id, shard) > view.applied(found, shard)) found = id
  return found
}

/** The old primary keeps its data and stands by, unless it is gone for good. */
function promoted(entry: Replicas, to: string, view: View): Replicas {
  const row = view.row(entry.primary)
  const others = entry.standbys.filter((id) => id !== to)
  const standbys = row === undefined ? others : [...others, entry.primary]
  return { ...entry, primary: to, standbys, epoch: view.epoch, boot: view.row(to)?.boot ?? '' }
}

/** One step towards enough replicas, and towards balance. */
function balanced(shards: readonly Replicas[], view: View): readonly Replicas[] {
  const { standbys, timing, moves } = view.input
  const members = membersOf(view)
  if (members.length === 0) return shards
  const holders = shards.map(({ primary, standbys, warming }) => {
    return { primary, standbys: [...standbys, ...warming] }
  })
  const wishes = new Map(moves.map(({ shard, to }) => [shard, to]))
  const target = allocate(members, shards.length, standbys, holders, wishes)
  const wanted = Math.min(standbys + 1, members.length)
  const warmings = new Map<string, number>()
  for (const { warming } of shards)
    for (const id of warming) warmings.set(id, (warmings.get(id) ?? 0) + 1)
  let swaps = Math.max(1, Math.min(movesMax, Math.floor(shards.length * movesShare)))
  return shards.map((entry, shard) => {
    const isWished = target[shard]?.primary === wishes.get(shard)
    const goal = goalOf(entry, target[shard], wanted, isWished, members, view)
    const grown = withReplicas(entry, shard, goal, wanted, view, (id) => {
      const count = warmings.get(id) ?? 0
      if (count >= timing.warmingsPerNode || !view.isAlive(id)) return false
      warmings.set(id, count + 1)
      return true
    })
    const isDue = goal.primary !== grown.primary && view.isHot(goal.primary, shard)
    if (!isDue || !grown.standbys.includes(goal.primary) || swaps === 0) return grown
    swaps--
    return promoted(grown, goal.primary, view)
  })
}

/** Nodes that may hold shards: those that serve or drain, and are there or gone for a moment only. */
function membersOf(view: View): readonly Member[] {
  const { rows, reports, timing, canAccuse } = view.input
  return rows
    .filter(({ id, intent }) => {
      const silentMs = reports.get(id)?.silentMs ?? (canAccuse ? Number.POSITIVE_INFINITY : 0)
      return intent !== 'decommission' && silentMs <= timing.replaceMs
    })
    .map((row) => ({ ...row, canLead: row.intent === 'serve' && view.isAlive(row.id) }))
}

function goalOf(
  entry: Replicas,
  target: Placement | undefined,
  wanted: number,
  isWished: boolean,
  members: readonly Member[],
  view: View,
): Placement {
  const isMember = (id: string) => members.some((member) => member.id === id)
  const here = [entry.primary, ...entry.standbys, ...entry.warming].filter(isMember)
  if (target === undefined) return entry
  if (!view.input.isPaused || isWished) return target
  // What is lost is replaced; nothing else moves.
  const more = [target.primary, ...target.standbys].filter((id) => !here.includes(id))
  const all = [...here, ...more].slice(0, Math.max(wanted, here.length))
  return { primary: entry.primary, standbys: all.filter((id) => id !== entry.primary) }
}

function withReplicas(
  entry: Replicas,
  shard: number,
  goal: Placement,
  wanted: number,
  view: View,
  mayWarm: (id: string) => boolean,
): Replicas {
  const goals = [goal.primary, ...goal.standbys]
  const isHot = (id: string) => view.isHot(id, shard)
  const arrived = entry.warming.filter((id) => isHot(id) && goals.includes(id))
  let standbys = [...entry.standbys, ...arrived]
  let warming = entry.warming.filter((id) => !arrived.includes(id) && goals.includes(id))
  const held = [entry.primary, ...standbys, ...warming]
  warming = [...warming, ...goals.filter((id) => !held.includes(id) && mayWarm(id))]
  const hotGoals = [entry.primary, ...standbys].filter((id) => goals.includes(id) && isHot(id))
  const isEnough = hotGoals.length >= Math.min(wanted, goals.length)
  standbys = standbys.filter(
    (id) => goals.includes(id) || (view.row(id) !== undefined && !isEnough && view.isAlive(id)),
  )
  const hotFirst = [...standbys.filter(isHot), ...standbys.filter((id) => !isHot(id))]
  return { ...entry, standbys: hotFirst, warming }
}

function isEqual(a: Replicas, b: Replicas | undefined): boolean {
  return (
    a.primary === b?.primary &&
    a.epoch === b.epoch &&
    a.boot === b.boot &&
    a.standbys.join() === b.standbys.join() &&
    a.warming.join() === b.warming.join()
  )
}
