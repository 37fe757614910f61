import type { Namespace } from '@halfsecond/protocol'
import { allocate } from './allocation.ts'
import { balanced } from './balancing.ts'
import type { ClusterMap, NodeReport, NodeRow, Replicas } from './cluster-map.ts'
import { ClusterSight } from './cluster-sight.ts'
import { withPrimary } from './succession.ts'

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
  /** Since when the coordinator has listened: so long whoever was never heard has been silent. */
  readonly listeningMs: number
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
  /** Of the identity configuration that every shard recognises by; undefined: those of the map. */
  readonly namespaces?: readonly Namespace[] | undefined
}

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
  const sight = new ClusterSight(input)
  const led = input.map.shards.map((entry, shard) =>
    inPresentLife(withPrimary(entry, shard, sight), input.incarnations[shard]),
  )
  if (led.some((entry, shard) => entry !== input.map.shards[shard])) return sight.mapOf(led)
  const shards = balanced(led, sight)
  const nodes = input.rows.map(({ id }) => id)
  const isSame =
    shards.every((entry, shard) => isEqual(entry, input.map.shards[shard])) &&
    nodes.join() === input.map.nodes.join() &&
    isSameText(input.namespaces ?? input.map.namespaces, input.map.namespaces)
  return isSame ? undefined : sight.mapOf(shards)
}

/** A log that was made anew has another life: positions of the one before mean nothing. */
function inPresentLife(entry: Replicas, incarnation = entry.incarnation): Replicas {
  return entry.incarnation === incarnation ? entry : { ...entry, incarnation }
}

function isSameText(a: readonly Namespace[], b: readonly Namespace[]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
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
