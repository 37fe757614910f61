import { decode, encode } from '@halfsecond/protocol'
import type { Tombstone } from '../ports.ts'

/*
 * A tombstone as adapters keep it, MessagePack:
 *   [1, shard, key, eraseId, at, effectiveAt, expungedAt]
 */
const rowVersion = 1

const limits = { frameBytes: 4_096, depth: 2, elementsPerItem: 16 }

export function encodeTombstone(stone: Tombstone): Uint8Array {
  const { shard, key, eraseId, at, effectiveAt, expungedAt } = stone
  return encode([rowVersion, shard, key, eraseId, at, effectiveAt, expungedAt])
}

/** Undefined for what has another form: another version's nodes must not stop this one. */
export function readTombstone(bytes: Uint8Array): Tombstone | undefined {
  const value = decode(bytes, limits)
  if (!Array.isArray(value) || value[0] !== rowVersion) return undefined
  const [, shard, key, eraseId, at, effectiveAt, expungedAt]: unknown[] = value
  const isWhole =
    typeof shard === 'number' &&
    typeof key === 'string' &&
    typeof eraseId === 'string' &&
    typeof at === 'number' &&
    typeof effectiveAt === 'number' &&
    typeof expungedAt === 'number'
  return isWhole ? { shard, key, eraseId, at, effectiveAt, expungedAt } : undefined
}
