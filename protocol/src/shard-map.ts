import { bounds } from './bounds.ts'
import { HalfsecondError } from './errors.ts'
import {
  builtInNamespaces,
  type Namespace,
  type Namespaces,
  namespacePattern,
} from './identifier.ts'
import { isFields } from './properties.ts'
import { nodeIdPattern } from './subjects.ts'

/** Which node answers for which shard. A greater epoch replaces a smaller one. */
export interface ShardMap {
  readonly epoch: number
  readonly nodes: readonly string[]
  /** Namespaces besides the built-in ones, and those of them that have blocked values. */
  readonly namespaces: readonly Namespace[]
  /** Index = shard; their number is a power of two and never changes in a cluster. */
  readonly shards: readonly ShardEntry[]
  /** Whether the active playbook needs a visitor's consent first; absent while none is active. */
  readonly consent?: ConsentMode
}

/** Whether visitors are recognised only once they agreed, or until they refuse. */
export type ConsentMode = 'required' | 'assumed'

export interface ShardEntry {
  readonly incarnation: number
  readonly primary: string
  readonly standbys: readonly string[]
}

/** @throws HalfsecondError `MALFORMED` */
export function parseShardMap(value: unknown): ShardMap {
  if (isShardMap(value)) return value
  throw new HalfsecondError(
    'MALFORMED',
    'not a shard map; is this a halfsecond node of the same protocol version?',
  )
}

function isShardMap(value: unknown): value is ShardMap {
  return (
    isFields(value) &&
    typeof value.epoch === 'number' &&
    isListOf(value.nodes, isNodeId) &&
    isListOf(value.namespaces, isNamespace) &&
    isListOf(value.shards, isShardEntry) &&
    isShardCount(value.shards.length) &&
    consentModes.has(value.consent)
  )
}

/** A power of two, so that a shard is a mask of the hash. */
export function isShardCount(count: number): boolean {
  return count >= 1 && count <= bounds.shards && (count & (count - 1)) === 0
}

function isListOf<T>(value: unknown, is: (one: unknown) => one is T): value is T[] {
  return Array.isArray(value) && value.every(is)
}

function isNodeId(value: unknown): value is string {
  return typeof value === 'string' && nodeIdPattern.test(value)
}

function isShardEntry(value: unknown): value is ShardEntry {
  return (
    isFields(value) &&
    typeof value.incarnation === 'number' &&
    isNodeId(value.primary) &&
    isListOf(value.standbys, isNodeId)
  )
}

function isNamespace(value: unknown): value is Namespace {
  return (
    isFields(value) &&
    typeof value.name === 'string' &&
    namespacePattern.test(value.name) &&
    classes.has(value.class) &&
    Number.isSafeInteger(value.rank) &&
    normalisers.has(value.normalise) &&
    (value.blocked === undefined || isBlocked(value.blocked))
  )
}

const consentModes: ReadonlySet<unknown> = new Set([undefined, 'required', 'assumed'])

function isBlocked(value: unknown): value is string[] {
  return isListOf(value, isText) && value.length <= bounds.blockedValues
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

const classes: ReadonlySet<unknown> = new Set(['account', 'contact', 'device', 'session'])
const normalisers: ReadonlySet<unknown> = new Set(['text', 'email', 'phone'])

/** Asked for with every call: made once for a map. */
const joined = new WeakMap<readonly Namespace[], Namespaces>()

/** The built-in namespaces and those of the map. */
export function namespacesOf(map: ShardMap): Namespaces {
  if (map.namespaces.length === 0) return builtInNamespaces
  const made =
    joined.get(map.namespaces) ??
    new Map([...builtInNamespaces, ...map.namespaces.map((one) => [one.name, one] as const)])
  joined.set(map.namespaces, made)
  return made
}
