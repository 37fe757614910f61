import { parentPort, workerData } from 'node:worker_threads'
import { isFields } from '@halfsecond/protocol'
import { readStoredRows } from '../runtime/stored-rows.ts'
import { copyRows } from './copy-rows.ts'
import { type Environment, flushed, openEnvironment, openRows, type Rowset } from './environment.ts'
import { nextFolder, promoteFolder } from './generations.ts'
import { KeyedRows } from './keyed-rows.ts'
import { keyBytes, metaKey, rowsOf } from './keys.ts'

/*
 * The thread that writes, so that no transaction ever blocks the fold. A commit is one transaction;
 * its rows go in in key order, which lets LMDB fill pages from left to right.
 */

export interface WriterData {
  /** Of the store. */
  readonly path: string
  /** Of its environment, within. */
  readonly folder: string
  readonly shards: number
}

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
  /** Rows by their keys, each of `keyBytes`, one behind the other. */
  | { readonly kind: 'remove'; readonly keys: Uint8Array }
  | { readonly kind: 'clear' }
  /** Copies everything to a new environment, which everybody goes on with. */
  | { readonly kind: 'compact' }

export interface WriteReply {
  readonly id: number
  readonly error?: string
  /** Of a compaction: the folder of the new environment. */
  readonly folder?: string
}

const flushTimeoutMs = 10_000

/** Rows that one transaction of a clear removes: checkpoints of other shards go between. */
const clearedAtOnce = 2_000

const { path, folder, shards } = readWorkerData(workerData)
let environment: Environment = openEnvironment(folder)
let rowsets = openAll()
/** Ends with the compaction that is under way: nothing is written before. */
let compacted: Promise<void> = Promise.resolve()

parentPort?.on('message', (request: WriteRequest | 'close') => {
  if (request === 'close')
    void compacted.then(() => environment.close()).then(() => parentPort?.close())
  else void write(request).then((reply) => parentPort?.postMessage(reply))
})

async function write({ id, shard, write }: WriteRequest): Promise<WriteReply> {
  try {
    if (write.kind !== 'compact') await compacted
    const rowset = rowsets[shard]
    if (rowset === undefined) throw new RangeError(`no shard ${shard}`)
    switch (write.kind) {
      case 'commit':
        await commit(rowset, write.bytes, write.count)
        break
      case 'restore':
        await restore(rowset, write.bytes)
        break
      case 'remove':
        await remove(rowset, keysIn(write.keys))
        break
      case 'clear':
        await clear(rowset)
        break
      case 'compact':
        return { id, folder: await compactNext() }
    }
    return { id }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

function compactNext(): Promise<string> {
  const folder = compacted.then(compact)
  compacted = folder.then(
    () => {},
    () => {},
  )
  return folder
}

async function compact(): Promise<string> {
  const next = nextFolder(path)
  await copyRows(new Map(rowsets.map((rowset, shard) => [rowsOf(shard), rowset])), next, () =>
    Promise.resolve(),
  )
  const folder = promoteFolder(path, next)
  const before = environment
  environment = openEnvironment(folder)
  rowsets = openAll()
  await before.close()
  return folder
}

function openAll(): Rowset[] {
  return Array.from({ length: shards }, (_, shard) => openRows(environment, rowsOf(shard)))
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

function keysIn(bytes: Uint8Array): Buffer[] {
  const keys = bufferOf(bytes)
  return Array.from({ length: keys.length / keyBytes }, (_, i) =>
    keys.subarray(i * keyBytes, (i + 1) * keyBytes),
  )
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function readWorkerData(data: unknown): WriterData {
  if (isFields(data)) {
    const { path, folder, shards } = data
    if (typeof path === 'string' && typeof folder === 'string' && typeof shards === 'number')
      return { path, folder, shards }
  }
  throw new TypeError('the writer thread is started with {path, folder, shards}')
}
