import {
  decode,
  encode,
  HalfsecondError,
  isErrorCode,
  isFields,
  toHalfsecondError,
} from '@halfsecond/protocol'
import { hash64Hex } from '../../core/digest.ts'

/*
 * What a node that copies a shard and the node that gives the copy say to each other, as
 * MessagePack maps. The rows come in chunks, framed as in `runtime/stored-rows.ts`; the meta row
 * alone is the last one. A chunk is asked for by its number, in order; the same one again gives
 * the same bytes. One that is too large for a message comes in parts.
 */

/** Bytes of a chunk in one message: NATS refuses messages above 1 MiB. */
export const partBytesMax = 512 * 1024

const limits = { frameBytes: partBytesMax + 4_096, depth: 2, elementsPerItem: 32 }

export type SnapshotRequest =
  | { readonly op: 'snapshot'; readonly shard: number }
  | {
      readonly op: 'snapshot.rows'
      readonly id: string
      readonly chunk: number
      /** Byte of the chunk that the part begins with. */
      readonly from: number
    }
  | { readonly op: 'snapshot.end'; readonly id: string }

/** A copy is ready to be fetched. */
export interface Manifest {
  readonly id: string
  /** Position of the copy. */
  readonly applied: number
  /** The rules that it was folded by. */
  readonly foldVersion: number
}

/** What comes of a chunk in one message. */
export interface Part {
  readonly bytes: Uint8Array
  /** Bytes of the whole chunk. */
  readonly size: number
  /** Of the whole chunk. */
  readonly hash: string
  readonly isLast: boolean
  /** Rows of all chunks up to and with this one. */
  readonly rows: number
  /** Over the hashes of all chunks up to and with this one. */
  readonly digest: string
}

/** The digest of chunks when one more comes; it begins as ''. */
export function chained(digest: string, hash: string): string {
  return hash64Hex(Buffer.from(digest + hash))
}

/** @throws HalfsecondError `MALFORMED`, `TOO_LARGE` or `INVALID` */
export function readRequest(bytes: Uint8Array): SnapshotRequest {
  const value = decode(bytes)
  if (isFields(value)) {
    const { op, shard, id, chunk, from } = value
    if (op === 'snapshot' && isCount(shard)) return { op, shard }
    if (op === 'snapshot.rows' && typeof id === 'string' && isCount(chunk) && isCount(from))
      return { op, id, chunk, from }
    if (op === 'snapshot.end' && typeof id === 'string') return { op, id }
  }
  throw new HalfsecondError('INVALID', 'no request that this node knows')
}

/** What is answered where a request fails. */
export function encodeFailure(thrown: unknown): Uint8Array {
  const { code, message } = toHalfsecondError(thrown, 'UNAVAILABLE', 'no copy')
  return encode({ error: code, message })
}

/** @throws HalfsecondError the one that was answered, or `MALFORMED` */
export function readManifest(bytes: Uint8Array): Manifest {
  const { id, applied, foldVersion } = readAnswer(bytes)
  if (typeof id === 'string' && isCount(applied) && isCount(foldVersion))
    return { id, applied, foldVersion }
  throw new HalfsecondError('MALFORMED', 'not the manifest of a copy')
}

/** @throws HalfsecondError the one that was answered, or `MALFORMED` */
export function readPart(answer: Uint8Array): Part {
  const { bytes, size, hash, isLast, rows, digest } = readAnswer(answer)
  const isWhole =
    bytes instanceof Uint8Array &&
    isCount(size) &&
    typeof hash === 'string' &&
    typeof isLast === 'boolean' &&
    isCount(rows) &&
    typeof digest === 'string'
  if (isWhole) return { bytes, size, hash, isLast, rows, digest }
  throw new HalfsecondError('MALFORMED', 'not a part of a copy')
}

function readAnswer(bytes: Uint8Array): { readonly [name: string]: unknown } {
  const value = decode(bytes, limits)
  if (!isFields(value)) throw new HalfsecondError('MALFORMED', 'not an answer')
  if (isErrorCode(value.error)) throw new HalfsecondError(value.error, String(value.message))
  return value
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
