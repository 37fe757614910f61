import {
  type ConsentMode,
  decode,
  encode,
  isFields,
  parseShardMap,
  type ShardMap,
} from '@halfsecond/protocol'
import type {
  ClusterMap,
  Intent,
  NodeRow,
  ReplicaReport,
  ReplicaStatus,
  Replicas,
} from '../../core/cluster/cluster-map.ts'

/*
 * What nodes tell each other and keep in the coordination, as MessagePack. What does not have the
 * form is read as nothing: another version's nodes must not stop this one.
 */

/** Wider than what channels may send: a map of 256 shards, with every replica's report. */
const limits = { frameBytes: 1024 * 1024, depth: 6, elementsPerItem: 16_384 }

/** How a node is, told several times a second. */
export interface Beat {
  readonly node: string
  readonly boot: string
  /** Counts the beats of this life. */
  readonly n: number
  /** Of the map that it follows. */
  readonly epoch: number
  /** How late its event loop is. */
  readonly loopDelayMs: number
  /** The newest playbook that it has heard of, and the oldest that a shard of it decides by. */
  readonly playbook: { readonly newest: number; readonly hash: string; readonly active: number }
  /** The same of identity configurations. */
  readonly identity: { readonly newest: number; readonly active: number }
  /** Every shard that it holds; undefined in the beats between. */
  readonly replicas: ReadonlyMap<number, ReplicaReport> | undefined
}

export function encodeBeat({
  node,
  boot,
  n,
  epoch,
  loopDelayMs,
  playbook,
  identity,
  replicas,
}: Beat): Uint8Array {
  const { newest, hash, active } = playbook
  return encode({
    v: 1,
    node,
    boot,
    n,
    epoch,
    loopDelayMs,
    playbook: [newest, hash, active],
    identity: [identity.newest, identity.active],
    ...(replicas && { replicas: Array.from(replicas, encodeReplica) }),
  })
}

function encodeReplica([shard, report]: readonly [number, ReplicaReport]): unknown[] {
  const { status, applied, flushed, epoch, digestAt, digest, unsentMs } = report
  return [shard, statuses.indexOf(status), applied, flushed, epoch, digestAt, digest, unsentMs]
}

const statuses: readonly ReplicaStatus[] = ['recovering', 'hot', 'lagging', 'stopped']

export function readBeat(bytes: Uint8Array): Beat | undefined {
  const value = decode(bytes, limits)
  if (!isFields(value) || !Array.isArray(value.playbook)) return undefined
  const { node, boot, n, epoch, loopDelayMs, replicas } = value
  const [newest, hash, active]: unknown[] = value.playbook
  const isWhole =
    typeof node === 'string' &&
    typeof boot === 'string' &&
    typeof n === 'number' &&
    typeof epoch === 'number' &&
    typeof loopDelayMs === 'number' &&
    typeof newest === 'number' &&
    typeof hash === 'string' &&
    typeof active === 'number'
  if (!isWhole) return undefined
  const playbook = { newest, hash, active }
  const identity = readIdentity(value.identity)
  return { node, boot, n, epoch, loopDelayMs, playbook, identity, replicas: readReplicas(replicas) }
}

/** A node of a version before identity configurations recognises by the built-in rules. */
function readIdentity(value: unknown): Beat['identity'] {
  const [newest, active]: unknown[] = Array.isArray(value) ? value : []
  return typeof newest === 'number' && typeof active === 'number'
    ? { newest, active }
    : { newest: 0, active: 0 }
}

function readReplicas(value: unknown): ReadonlyMap<number, ReplicaReport> | undefined {
  if (!Array.isArray(value)) return undefined
  const replicas = new Map<number, ReplicaReport>()
  for (const one of value) {
    const parts: unknown[] = Array.isArray(one) ? one : []
    const [shard, status, applied, flushed, epoch, digestAt, digest, unsent] = parts
    const known = typeof status === 'number' ? statuses[status] : undefined
    const isWhole =
      known !== undefined &&
      typeof shard === 'number' &&
      typeof applied === 'number' &&
      typeof flushed === 'number' &&
      typeof epoch === 'number' &&
      typeof digestAt === 'number' &&
      typeof digest === 'string'
    if (!isWhole) continue
    // Nodes of an earlier version have nothing for others.
    const unsentMs = typeof unsent === 'number' ? unsent : 0
    const progress = { applied, flushed, epoch, digestAt, digest, unsentMs }
    replicas.set(shard, { status: known, ...progress })
  }
  return replicas
}

export function encodeMap(map: ClusterMap): Uint8Array {
  return encode(map)
}

/** What clients follow: without the coordinator's plans, and with what the active playbook asks of them. */
export function clientMapOf(
  { epoch, nodes, namespaces, shards }: ClusterMap,
  consent: ConsentMode | undefined,
): ShardMap {
  return {
    epoch,
    nodes,
    namespaces,
    ...(consent && { consent }),
    shards: shards.map(({ incarnation, primary, standbys }) => ({
      incarnation,
      primary,
      standbys,
    })),
  }
}

/** @throws HalfsecondError `MALFORMED` */
export function readMap(bytes: Uint8Array): ClusterMap {
  const map = parseShardMap(decode(bytes, limits))
  return { ...map, shards: map.shards.map(readReplicasOf) }
}

function readReplicasOf(entry: ShardMap['shards'][number]): Replicas {
  const { incarnation, primary, standbys } = entry
  const more: { readonly [name: string]: unknown } = { ...entry }
  return {
    incarnation,
    primary,
    standbys,
    warming: Array.isArray(more.warming) ? more.warming.filter(isText) : [],
    epoch: typeof more.epoch === 'number' ? more.epoch : 0,
    boot: typeof more.boot === 'string' ? more.boot : '',
  }
}

export function encodeNodeRows(rows: readonly NodeRow[]): Uint8Array {
  return encode(rows)
}

export function readNodeRows(bytes: Uint8Array): readonly NodeRow[] {
  const value = decode(bytes, limits)
  return Array.isArray(value) ? value.filter(isNodeRow) : []
}

const intents: ReadonlySet<unknown> = new Set<Intent>(['serve', 'drain', 'decommission'])

function isNodeRow(value: unknown): value is NodeRow {
  return (
    isFields(value) &&
    [value.id, value.boot, value.host, value.zone].every(isText) &&
    typeof value.weight === 'number' &&
    value.weight > 0 &&
    intents.has(value.intent) &&
    typeof value.foldVersion === 'number'
  )
}

/** Who may change the map. */
export interface Lease {
  readonly node: string
  readonly boot: string
  /** Grows with every renewal, so that others see that the holder lives. */
  readonly n: number
}

export function encodeLease(lease: Lease): Uint8Array {
  return encode(lease)
}

export function readLease(bytes: Uint8Array): Lease | undefined {
  const value = decode(bytes, limits)
  if (!isFields(value)) return undefined
  const { node, boot, n } = value
  return isText(node) && isText(boot) && typeof n === 'number' ? { node, boot, n } : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
