import { parentPort, workerData } from 'node:worker_threads'
import { type Environment, flushed, openEnvironment, openRows, type Rowset } from './environment.ts'
import { KeyedRows } from './keyed-rows.ts'

/*
 * The thread that writes checkpoints, so that no transaction ever blocks the fold. One message is
 * one transaction; rows go in in key order, which lets LMDB fill pages from left to right.
 */

export interface WriteRequest {
  readonly id: number
  readonly shard: number
  readonly count: number
  readonly bytes: Uint8Array
}

export interface WriteReply {
  readonly id: number
  readonly error?: string
}

const flushTimeoutMs = 10_000

const { path, shards } = readWorkerData(workerData)
const environment: Environment = openEnvironment(path)
const rowsets: Rowset[] = Array.from({ length: shards }, (_, shard) =>
  openRows(environment, `shard-${shard}`),
)

parentPort?.on('message', (request: WriteRequest | 'close') => {
  if (request === 'close') void environment.close().then(() => parentPort?.close())
  else void write(request).then((reply) => parentPort?.postMessage(reply))
})

async function write({ id, shard, count, bytes }: WriteRequest): Promise<WriteReply> {
  try {
    const rowset = rowsets[shard]
    if (rowset === undefined) throw new RangeError(`no shard ${shard}`)
    const rows = new KeyedRows(bytes, count)
    environment.transactionSync(() => {
      rows.forEach((key, value) => {
        if (value === undefined) rowset.removeSync(key)
        else rowset.putSync(key, value)
      })
    })
    await flushed(environment, flushTimeoutMs)
    return { id }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

function readWorkerData(data: unknown): { path: string; shards: number } {
  if (typeof data === 'object' && data !== null && 'path' in data && 'shards' in data) {
    const { path, shards } = data
    if (typeof path === 'string' && typeof shards === 'number') return { path, shards }
  }
  throw new TypeError('the writer thread is started with {path, shards}')
}
