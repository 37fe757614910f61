import { epochOf, type FragmentId, identifierIn } from '@halfsecond/protocol'

/** Hexadecimal digits of the hash: sixteen bytes, as in the keys of rows. */
const hashDigits = 32

/**
 * By what a tombstone names a fragment: it is what the fragment's row is found by, and says who it
 * was only to whoever knows the identifier.
 * @param hash SHA-256, hexadecimal
 */
export function tombstoneKey(id: FragmentId, hash: (text: string) => string): string {
  return `${hash(identifierIn(id)).slice(0, hashDigits)}.${epochOf(id)}`
}

/** The parts of `tombstoneKey`. */
export function readTombstoneKey(key: string): { readonly hash: string; readonly epoch: number } {
  return { hash: key.slice(0, hashDigits), epoch: Number(key.slice(hashDigits + 1)) }
}
