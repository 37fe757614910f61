import {
  decode,
  identifierIn,
  isFields,
  isFragmentId,
  isIdentifier,
  type Namespaces,
} from '@halfsecond/protocol'
import { rowKinds, type ShardStore } from '../ports.ts'
import { decodeDeadLetter } from '../shards/shard-rows.ts'

/** Bytes of rows read at a time. */
const readBytes = 256 * 1024

/** A key that no row of an earlier kind is behind. */
const beforeLetters = Buffer.concat([Buffer.of(rowKinds.deadLetter - 1), Buffer.alloc(255, 255)])

/**
 * Removes the dead letters of a shard that are about somebody who was erased, and those that nobody
 * can read: they may be about anybody.
 * @returns how many
 */
export async function removeErasedLetters(
  store: ShardStore,
  isErased: (identifier: string) => boolean,
  namespaces: Namespaces,
): Promise<number> {
  const keys: Uint8Array[] = []
  const snapshot = store.snapshot()
  try {
    let rows = snapshot.rows(beforeLetters, readBytes)
    while (rows[0]?.key[0] === rowKinds.deadLetter) {
      for (const { key, value } of rows) {
        if (key[0] !== rowKinds.deadLetter) break
        if (isAboutErased(decodeDeadLetter(value).bytes, isErased, namespaces)) keys.push(key)
      }
      rows = snapshot.rows(rows.at(-1)?.key, readBytes)
    }
  } finally {
    snapshot.close()
  }
  if (keys.length > 0) await store.remove(keys)
  return keys.length
}

function isAboutErased(
  bytes: Uint8Array,
  isErased: (identifier: string) => boolean,
  namespaces: Namespaces,
): boolean {
  const record = recordIn(bytes)
  if (record === undefined) return true
  const { key, to } = record
  if (!isIdentifier(key, namespaces)) return true
  const isLink = to !== undefined
  return isErased(key) || (isLink && (!isFragmentId(to) || isErased(identifierIn(to))))
}

function recordIn(bytes: Uint8Array): { readonly [name: string]: unknown } | undefined {
  try {
    const value = decode(bytes)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}
