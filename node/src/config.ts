import { hostname } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { HalfsecondError, printable } from '@halfsecond/protocol'
import { didYouMean } from './playbook/faults.ts'
import {
  memoryBytes,
  parseBytes,
  parseHost,
  parseLogLevel,
  parseNatsUrl,
  parseNodeId,
  parsePort,
  parseReplicas,
  parseRetention,
  parseShards,
  parseStandbys,
  parseText,
  parseTokenKeys,
  parseWebhookSecrets,
  parseWeight,
  parseZone,
} from './setting-values.ts'
import { type LogLevel, logLevels } from './telemetry/logger.ts'

/*
 * Settings of a node. No other module knows that an environment exists. A flag of the command goes
 * before the environment, the environment before the default; an empty value counts as none.
 */

/** What a node runs with: checked, complete, frozen. */
export interface Config {
  readonly host: string
  readonly port: number
  readonly adminHost: string
  readonly adminPort: number
  readonly dataDir: string
  /** Undefined: everything in this process. */
  readonly natsUrl: string | undefined
  readonly shards: number
  readonly replicas: number
  readonly memoryBytes: number
  /** Undefined: a key is kept in the data directory. */
  readonly tokenKeys: string | undefined
  readonly nodeId: string
  /** Replicas of a shard besides its primary. */
  readonly standbys: number
  /** Empty: all nodes are in one. */
  readonly zone: string
  readonly weight: number
  /** How long what nobody adds to is kept; undefined: for ever. */
  readonly retentionMs: number | undefined
  /** A file; undefined: no other system listens. */
  readonly webhooks: string | undefined
  /** By webhook. */
  readonly webhookSecrets: ReadonlyMap<string, readonly string[]>
  readonly logLevel: LogLevel
}

export interface Setting {
  readonly name: string
  readonly unit: string
  readonly default: string
  readonly range: string
  readonly reason: string
}

/** Every setting, for the reader below, for `--help` and for the docs. */
export const settings: { readonly [field in keyof Config]: Setting } = {
  host: {
    name: 'HALFSECOND_HOST',
    unit: 'address',
    default: '127.0.0.1',
    range: 'an address of this machine',
    reason: 'Where channels reach the node. Nothing listens to a network unless told to.',
  },
  port: {
    name: 'HALFSECOND_PORT',
    unit: 'port',
    default: '7500',
    range: '0 to 65535',
    reason: 'Public listener: events, decides, outcomes. 0 takes any that is free.',
  },
  adminHost: {
    name: 'HALFSECOND_ADMIN_HOST',
    unit: 'address',
    default: '127.0.0.1',
    range: 'an address of this machine',
    reason:
      'Apart from HALFSECOND_HOST: who reaches the admin port reads profiles and publishes playbooks.',
  },
  adminPort: {
    name: 'HALFSECOND_ADMIN_PORT',
    unit: 'port',
    default: '7501',
    range: '0 to 65535',
    reason: 'Admin listener: profiles, why, export, playbook, metrics. 0 takes any that is free.',
  },
  dataDir: {
    name: 'HALFSECOND_DATA',
    unit: 'path',
    default: './data',
    range: 'a directory that can be made',
    reason: 'Holds all state when embedded, else the store. Give each node its own.',
  },
  natsUrl: {
    name: 'HALFSECOND_NATS_URL',
    unit: 'address',
    default: 'none: embedded',
    range: 'nats:// or tls://, several by commas, with user:password@ where needed',
    reason: 'The cluster’s log and bus. Without it one process is the whole cluster.',
  },
  shards: {
    name: 'HALFSECOND_SHARDS',
    unit: 'shards',
    default: '64 on NATS, 16 embedded',
    range: 'a power of two from 1 to 256',
    reason:
      'Fixed for the life of a cluster. 64 spread over tens of nodes; one process needs fewer.',
  },
  replicas: {
    name: 'HALFSECOND_REPLICAS',
    unit: 'copies',
    default: '1',
    range: '1, 3 or 5',
    reason: 'Copies of each log that NATS keeps, fixed when it is made: 3 in production.',
  },
  memoryBytes: {
    name: 'HALFSECOND_MEMORY_BYTES',
    unit: 'bytes',
    default: 'half of the heap, at most a quarter of the memory',
    range: '1 MiB to the memory, like 2147483648 or 2GiB',
    reason:
      'What actors may hold. The heap’s other half is the garbage collector’s room; the rest of the memory caches the store’s pages.',
  },
  tokenKeys: {
    name: 'HALFSECOND_TOKEN_KEYS',
    unit: 'id:base64, …',
    default: 'one that is kept in the data directory',
    range: 'keys of at least 32 bytes; the first signs',
    reason: 'Sign tokens. The same on all nodes, and on channel servers that use nats://.',
  },
  nodeId: {
    name: 'HALFSECOND_NODE_ID',
    unit: 'name',
    default: 'host name and port',
    range: '1 to 32 of A–Z, a–z, 0–9, _ and -',
    reason: 'Names the node in the shard map. Kept over restarts, different for every process.',
  },
  standbys: {
    name: 'HALFSECOND_STANDBYS',
    unit: 'replicas',
    default: '1',
    range: '0 to 4',
    reason: 'Hot copies of each shard besides its primary. The same on all nodes.',
  },
  zone: {
    name: 'HALFSECOND_ZONE',
    unit: 'name',
    default: 'none',
    range: '1 to 32 of A–Z, a–z, 0–9, _, . and -',
    reason:
      'A room, rack or availability zone: a shard’s replicas are in several, where there are several.',
  },
  weight: {
    name: 'HALFSECOND_WEIGHT',
    unit: 'shares',
    default: '1',
    range: '0.1 to 100',
    reason: 'How much of the shards the node takes, compared to the others.',
  },
  retentionMs: {
    name: 'HALFSECOND_RETENTION',
    unit: 'duration',
    default: 'off',
    range: 'off, or 1d to 3650d, like 400d',
    reason:
      'An identifier that nothing was recorded of for so long is forgotten. The same on all nodes.',
  },
  webhooks: {
    name: 'HALFSECOND_WEBHOOKS',
    unit: 'path',
    default: 'none',
    range: 'a file, YAML or JSON: see docs/segments.md',
    reason: 'Where signals are sent to. The same on all nodes: whichever coordinates delivers.',
  },
  webhookSecrets: {
    name: 'HALFSECOND_WEBHOOK_SECRETS',
    unit: 'name:secret, …',
    default: 'none',
    range: 'names of webhooks, each with whsec_ and base64 of 24 to 64 bytes',
    reason:
      'Sign what is sent, so that receivers know it. Several of one name all sign, while one replaces the other.',
  },
  logLevel: {
    name: 'HALFSECOND_LOG_LEVEL',
    unit: 'level',
    default: 'info',
    range: logLevels.join(', '),
    reason: 'Lines below it are not written.',
  },
}

/** What other programs of halfsecond read. */
const namesOfOthers = [
  'HALFSECOND_URL',
  'HALFSECOND_ADMIN_URL',
  'HALFSECOND_COOKIE_KEYS',
  'HALFSECOND_NATS_SERVER',
  'HALFSECOND_K6',
  'HALFSECOND_REFERENCE',
  'HALFSECOND_CHROMIUM',
]

/** What must not be shown. */
const secretFields: ReadonlySet<keyof Config> = new Set(['tokenKeys', 'webhookSecrets'] as const)

export type Environment = { readonly [name: string]: string | undefined }

/** Flags of the command, by field. */
export type Overrides = { readonly [field in keyof Config]?: string | undefined }

/** @throws HalfsecondError `INVALID`, listing everything that is wrong */
export function readConfig(
  env: Environment,
  overrides: Overrides = {},
): { readonly config: Config; readonly warnings: readonly string[] } {
  const faults: string[] = []
  const read = <T>(
    field: keyof Config,
    parse: (text: string) => T | undefined,
    fallback: () => T,
  ): T => {
    const { name, range } = settings[field]
    const text = overrides[field] || env[name]
    if (text === undefined || text === '') return fallback()
    const value = parse(text.trim())
    if (value !== undefined) return value
    const shown =
      secretFields.has(field) || text.includes('@') ? 'what is set' : `"${printable(text)}"`
    faults.push(`${name}: ${shown} is not valid; it is ${range}`)
    return fallback()
  }

  const natsUrl = read('natsUrl', parseNatsUrl, () => undefined)
  const port = read('port', parsePort, () => 7500)
  const config: Config = {
    host: read('host', parseHost, () => '127.0.0.1'),
    port,
    adminHost: read('adminHost', parseHost, () => '127.0.0.1'),
    adminPort: read('adminPort', parsePort, () => 7501),
    dataDir: read('dataDir', parseText, () => './data'),
    natsUrl,
    shards: read('shards', parseShards, () => (natsUrl === undefined ? 16 : 64)),
    replicas: read('replicas', parseReplicas, () => 1),
    memoryBytes: read('memoryBytes', parseBytes, defaultMemoryBytes),
    tokenKeys: read('tokenKeys', parseTokenKeys, () => undefined),
    nodeId: read('nodeId', parseNodeId, () => defaultNodeId(port)),
    standbys: read('standbys', parseStandbys, () => 1),
    zone: read('zone', parseZone, () => ''),
    weight: read('weight', parseWeight, () => 1),
    retentionMs: read('retentionMs', parseRetention, () => null) ?? undefined,
    webhooks: read('webhooks', parseText, () => undefined),
    webhookSecrets: read('webhookSecrets', parseWebhookSecrets, () => new Map()),
    logLevel: read('logLevel', parseLogLevel, () => 'info'),
  }
  if (config.port !== 0 && config.port === config.adminPort && config.host === config.adminHost)
    faults.push('HALFSECOND_PORT and HALFSECOND_ADMIN_PORT are the same')
  if (faults.length > 0)
    throw new HalfsecondError('INVALID', `cannot start:\n  ${faults.join('\n  ')}`)
  return { config: Object.freeze(config), warnings: warningsOf(env, config) }
}

function warningsOf(env: Environment, { natsUrl, tokenKeys }: Config): string[] {
  const own = Object.values(settings).map(({ name }) => name)
  const known = new Set([...own, ...namesOfOthers])
  const warnings = Object.keys(env)
    .filter((name) => name.startsWith('HALFSECOND_') && !known.has(name))
    .map(
      (name) => `${printable(name)} is not a setting${didYouMean(name, own) || '; it is ignored'}`,
    )
  if (natsUrl !== undefined && tokenKeys === undefined) {
    warnings.push(
      'HALFSECOND_TOKEN_KEYS is not set: other nodes and channel servers on NATS cannot check the tokens of this one',
    )
  }
  return warnings
}

function defaultMemoryBytes(): number {
  return Math.floor(Math.min(getHeapStatistics().heap_size_limit / 2, memoryBytes() / 4))
}

function defaultNodeId(port: number): string {
  const host = (hostname().split('.')[0] ?? '').replace(/[^\w-]/g, '').slice(0, 24)
  return `${host === '' ? 'node' : host}-${port}`
}
