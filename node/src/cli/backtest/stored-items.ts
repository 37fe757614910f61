import { decode, HalfsecondError } from '@halfsecond/protocol'
import { readList } from '../../core/catalogue/stored-catalogue.ts'
import { keepNewest } from '../../core/keep-newest.ts'
import type { AdminClient } from '../admin-client.ts'
import type { ItemsOf } from './candidate-stock.ts'

/** Versions of catalogues whose pieces are kept for the other threads. */
const keptMax = 2

/**
 * Reads the items of catalogues by way of a node.
 * @param isOffline whether nobody said that a node can be asked: without one, no items are known
 */
export function storedItems(admin: AdminClient, isOffline: boolean): ItemsOf {
  const kept = new Map<string, ReturnType<ItemsOf>>()
  return (hash) => {
    let pieces = kept.get(hash)
    if (pieces === undefined) {
      pieces = piecesOf(hash, admin).catch((error: unknown) => {
        if (error instanceof HalfsecondError && isGone(error, isOffline)) return undefined
        throw error
      })
      kept.set(hash, pieces)
      keepNewest(kept, keptMax)
    }
    return pieces
  }
}

function isGone({ code }: HalfsecondError, isOffline: boolean): boolean {
  return code === 'INVALID' || (isOffline && (code === 'UNAVAILABLE' || code === 'TIMEOUT'))
}

async function piecesOf(hash: string, admin: AdminClient): Promise<readonly Uint8Array[]> {
  const list = readList(decode(await bytesOf(hash, admin)))
  const pieces: Uint8Array[] = []
  for (const piece of list.pieces) pieces.push(await bytesOf(piece, admin))
  return pieces
}

async function bytesOf(hash: string, admin: AdminClient): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of await admin.stream(`/v1/catalogue-pieces/${hash}`)) parts.push(part)
  // A copy: a buffer of a pool would be handed to threads with all of its pool.
  return new Uint8Array(Buffer.concat(parts))
}
