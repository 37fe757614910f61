import { totalmem } from 'node:os'
import { isShardCount, nodeIdPattern, parseNatsAddress } from '@halfsecond/protocol'
import { TokenKeys } from '@halfsecond/protocol/token'
import { parseDuration } from './core/duration.ts'
import { type LogLevel, logLevels } from './telemetry/logger.ts'
import { isWebhookSecret } from './webhooks/webhook-secret.ts'

/* Texts of settings to their values; undefined for a text that is none. */

export function parsePort(text: string): number | undefined {
  const port = wholeNumber(text)
  return port !== undefined && port <= 65_535 ? port : undefined
}

export function parseShards(text: string): number | undefined {
  const count = wholeNumber(text)
  return count !== undefined && isShardCount(count) ? count : undefined
}

export function parseReplicas(text: string): number | undefined {
  const count = wholeNumber(text)
  return count === 1 || count === 3 || count === 5 ? count : undefined
}

export function parseStandbys(text: string): number | undefined {
  const count = wholeNumber(text)
  return count !== undefined && count <= 4 ? count : undefined
}

export function parseWeight(text: string): number | undefined {
  const weight = /^\d{1,3}(\.\d{1,2})?$/.test(text) ? Number(text) : 0
  return weight >= 0.1 && weight <= 100 ? weight : undefined
}

const dayMs = 86_400_000

/** Null: nothing is too old. */
export function parseRetention(text: string): number | null | undefined {
  if (text === 'off') return null
  const ms = parseDuration(text)
  return ms !== undefined && ms >= dayMs && ms <= 3_650 * dayMs ? ms : undefined
}

export function parseZone(text: string): string | undefined {
  return /^[\w.-]{1,32}$/.test(text) ? text : undefined
}

export function parseHost(text: string): string | undefined {
  return /^[\w.:%-]+$/.test(text) ? text : undefined
}

export function parseText(text: string): string | undefined {
  return text === '' ? undefined : text
}

export function parseNatsUrl(text: string): string | undefined {
  try {
    parseNatsAddress(text)
    return text
  } catch {
    return undefined
  }
}

export function parseNodeId(text: string): string | undefined {
  return nodeIdPattern.test(text) ? text : undefined
}

export function parseLogLevel(text: string): LogLevel | undefined {
  return logLevels.find((level) => level === text)
}

export function parseTokenKeys(text: string): string | undefined {
  try {
    new TokenKeys(text)
    return text
  } catch {
    return undefined
  }
}

/** `name:whsec_…, name:whsec_…`; a name may come several times. */
export function parseWebhookSecrets(
  text: string,
): ReadonlyMap<string, readonly string[]> | undefined {
  const secrets = new Map<string, string[]>()
  for (const one of text.split(',')) {
    const [, name = '', secret = ''] = /^([a-z0-9_-]{1,32}):(.+)$/.exec(one.trim()) ?? []
    if (!isWebhookSecret(secret)) return undefined
    secrets.set(name, [...(secrets.get(name) ?? []), secret])
  }
  return secrets
}

const units: { readonly [unit: string]: number } = {
  '': 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

export function parseBytes(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,15}) ?(KiB|MiB|GiB)?$/.exec(text) ?? []
  const bytes = Number(digits) * (units[unit] ?? 1)
  return bytes >= 1024 ** 2 && bytes <= memoryBytes() ? bytes : undefined
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

/** Of the machine, or of the container where that has less. */
export function memoryBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem()
}
