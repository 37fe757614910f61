import { hash } from 'node:crypto'
import { rowKinds } from '../runtime/ports.ts'

/*
 * Every key of a shard has the same 23 bytes, so that no text of a user becomes one:
 *   u8 kind │ first 16 bytes of SHA-256(name) │ u16 device epoch │ u32 number, big-endian
 * A device that changed hands has one fragment per epoch, with neighbouring keys.
 */
export const keyBytes = 23

/** What stands between an identifier and its device's epoch in a fragment's name. */
const epochMark = '\u001f'

export function keyOf(kind: number, name: string, number: number): Buffer {
  const key = Buffer.allocUnsafe(keyBytes)
  writeKey(key, 0, kind, name, number)
  return key
}

/** Writes a key to `target` at `at`. */
export function writeKey(
  target: Buffer,
  at: number,
  kind: number,
  name: string,
  number: number,
): void {
  target[at] = kind
  const mark = name.indexOf(epochMark)
  const hashed = mark < 0 ? name : name.slice(0, mark)
  // As text: asking for a buffer costs four times the hash itself.
  if (name.length > 0) target.write(hash('sha256', hashed, 'binary'), at + 1, 16, 'latin1')
  else target.fill(0, at + 1, at + 17)
  target.writeUInt16BE(mark < 0 ? 0 : Number(name.slice(mark + 1)), at + 17)
  target.writeUInt32BE(number, at + 19)
}

/** The key of a fragment's row, from the hash of its identifier. */
export function fragmentKey(hashed: string, epoch: number): Buffer {
  const key = Buffer.alloc(keyBytes)
  key[0] = rowKinds.fragment
  key.write(hashed, 1, 16, 'hex')
  key.writeUInt16BE(epoch, 17)
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

/** The name of a shard's database. */
export function rowsOf(shard: number): string {
  return `shard-${shard}`
}

export const metaKey = keyOf(rowKinds.meta, '', 0)
