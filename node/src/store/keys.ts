import { hash } from 'node:crypto'
import { rowKinds } from '../runtime/ports.ts'

/*
 * Every key of a shard has the same 23 bytes, so that no text of a user becomes one:
 *   u8 kind │ first 16 bytes of SHA-256(name) │ u16 device epoch │ u32 number, big-endian
 * The device epoch is 0 until devices are shared by several owners.
 */
export const keyBytes = 23

export function keyOf(kind: number, name: string | Uint8Array, number: number): Buffer {
  const key = Buffer.allocUnsafe(keyBytes)
  key[0] = kind
  if (name.length > 0) hash('sha256', name, 'buffer').copy(key, 1, 0, 16)
  else key.fill(0, 1, 17)
  key[17] = 0
  key[18] = 0
  key.writeUInt32BE(number, 19)
  return key
}

/** The least and the greatest key of a kind. */
export function rangeOf(kind: number): { readonly start: Buffer; readonly end: Buffer } {
  const start = Buffer.alloc(keyBytes)
  start[0] = kind
  const end = Buffer.alloc(keyBytes)
  end[0] = kind + 1
  return { start, end }
}

export const metaKey = keyOf(rowKinds.meta, '', 0)
