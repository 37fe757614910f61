import { parentPort, workerData } from 'node:worker_threads'
import { readStoredRows } from '../runtime/stored-rows.ts'
import { type Environment, flushed, openEnvironment, openRows, type Rowset } from './environment.ts'
import { KeyedRows } from './keyed-rows.ts'
import { metaKey } from './keys.ts'

/*
 * The thread that writes, so that no transaction ever blocks the fold. A commit is one transaction;
 * its rows go in in key order, which lets LMDB fill pages from left to right.
 */

export interface WriteRequest {
  readonly id: number
  readonly shard: number
  readonly write: Write
}

export type Write =
  /** A checkpoint, framed as in `runtime/rows.ts`. */
  | { readonly kind: 'commit'; readonly count: number; readonly bytes: Uint8Array }
  /** Rows of another store, framed as in `runtime/stored-rows.ts`. */
  | { readonly kind: 'restore'; readonly bytes: Uint8Array }
  | { readonly kind: 'clear' }

export interface WriteReply {
  readonly id: number
  readonly error?: string
}

const flushTimeoutMs = 10_000

/** Rows that one transaction of a clear removes: checkpoints of other shards go between. */
const clearedAtOnce = 2_000

const { path, shards } = readWorkerData(workerData)
const environment: Environment = openEnvironment(path)
const rowsets: Rowset[] = Array.from({ length: shards }, (_, shard) =>
  openRows(environment, `shard-${shard}`),
)

parentPort?.on('message', (request: WriteRequest | 'close') => {
  if (request === 'close') void environment.close().then(() => parentPort?.close())
  else void write(request).then((reply) => parentPort?.postMessage(reply))
})

async function write({ id, shard, write }: WriteRequest): Promise<WriteReply> {
  try {
    const rowset = rowsets[shard]
    if (rowset === undefined) throw new RangeError(`no shard ${shard}`)
    switch (write.kind) {
      case 'commit':
        await commit(rowset, write.bytes, write.count)
        break
      case 'restore':
        await restore(rowset, write.bytes)
        break
      case 'clear':
        await clear(rowset)
    }
    return { id }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

function commit(rowset: Rowset, bytes: Uint8Array, count: number): Promise<void> {
  const rows = new KeyedRows(bytes, count)
  environment.transactionSync(() => {
    rows.forEach((key, value) => {
      if (value === undefined) rowset.removeSync(key)
      else rowset.putSync(key, value)
    })
  })
  return flushed(environment, flushTimeoutMs)
}

function restore(rowset: Rowset, bytes: Uint8Array): Promise<void> {
  environment.transactionSync(() => {
    for (const { key, value } of readStoredRows(bytes))
      rowset.putSync(bufferOf(key), bufferOf(value))
  })
  return flushed(environment, flushTimeoutMs)
}

/** Without its meta row a store counts as empty, however much of it is left. */
async function clear(rowset: Rowset): Promise<void> {
  if (rowset.doesExist(metaKey)) await remove(rowset, [metaKey])
  for (;;) {
    const keys = Array.from(rowset.getKeys({ limit: clearedAtOnce }), (key) => Buffer.from(key))
    if (keys.length === 0) return
    await remove(rowset, keys)
  }
}

function remove(rowset: Rowset, keys: readonly Buffer[]): Promise<void> {
  environment.transactionSync(() => {
    for (const key of keys) rowset.removeSync(key)
  })
  return flushed(environment, flushTimeoutMs)
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function readWorkerData(data: unknown): { path: string; shards: number } {
  if (typeof data === 'object' && data !== null && 'path' in data && 'shards' in data) {
    const { path, shards } = data
    if (typeof path === 'string' && typeof shards === 'number') return { path, shards }
  }
  throw new TypeError('the writer thread is started with {path, shards}')
}
