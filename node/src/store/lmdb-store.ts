import { statfs } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { type FragmentId, HalfsecondError } from '@halfsecond/protocol'
import {
  type FragmentRow,
  type Rows,
  rowKinds,
  type ShardStore,
  type Store,
  type StoredRow,
  type StoreSnapshot,
} from '../runtime/ports.ts'
import { frameStoredRows } from '../runtime/stored-rows.ts'
import { type Environment, openEnvironment, openRows, type Rowset } from './environment.ts'
import { keyOf, metaKey, rangeOf } from './keys.ts'
import { LmdbSnapshot } from './lmdb-snapshot.ts'
import type { Write, WriteReply } from './writer-thread.ts'

/**
 * The rows of all shards of a node, in one LMDB environment with one database per shard. Reads go
 * straight to the memory map; writes go through one thread of their own.
 */
export class LmdbStore implements Store {
  private readonly path: string
  private readonly environment: Environment
  private readonly stores: readonly LmdbShardStore[]
  private readonly thread: Worker
  private readonly waiting = new Map<
    number,
    { resolve: () => void; reject: (error: Error) => void }
  >()
  private requests = 0
  private ended: string | undefined

  constructor(path: string, shards: number) {
    this.path = path
    this.environment = openEnvironment(path)
    this.stores = Array.from(
      { length: shards },
      (_, shard) =>
        new LmdbShardStore(openRows(this.environment, `shard-${shard}`), (write, memory) =>
          this.write(shard, write, memory),
        ),
    )
    this.thread = new Worker(new URL('./writer-thread.ts', import.meta.url), {
      workerData: { path, shards },
    })
    this.thread.on('message', (reply: WriteReply) => this.written(reply))
    this.thread.on('error', (error) => this.failAll(`the writer thread failed: ${error.message}`))
    this.thread.on('exit', () => this.failAll('the writer thread ended'))
  }

  shard(shard: number): ShardStore {
    const store = this.stores[shard]
    if (store === undefined) throw new RangeError(`the store has no shard ${shard}`)
    return store
  }

  async usage(): Promise<{ usedBytes: number; freeBytes: number }> {
    const { bsize, bavail } = await statfs(this.path)
    const stats: { [name: string]: unknown } = { ...this.environment.getStats() }
    const pages = Number(stats.lastPageNumber ?? 0)
    return { usedBytes: pages * Number(stats.pageSize ?? 4096), freeBytes: bsize * bavail }
  }

  async close(): Promise<void> {
    for (const store of this.stores) store.closeSnapshots()
    const exited = new Promise((resolve) => this.thread.once('exit', resolve))
    this.thread.postMessage('close')
    if (this.ended === undefined) await exited
    await this.environment.close()
  }

  /** @param memory given away to the thread, not copied */
  private write(shard: number, write: Write, memory: readonly ArrayBuffer[]): Promise<void> {
    if (this.ended !== undefined)
      return Promise.reject(new HalfsecondError('UNAVAILABLE', this.ended))
    const id = ++this.requests
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      this.thread.postMessage({ id, shard, write }, memory)
    })
  }

  private written({ id, error }: WriteReply): void {
    // The read transaction of this thread may be older than what was just committed.
    this.environment.resetReadTxn()
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    if (error === undefined) waiting?.resolve()
    else
      waiting?.reject(new HalfsecondError('UNAVAILABLE', `cannot write to ${this.path}: ${error}`))
  }

  private failAll(why: string): void {
    this.ended ??= why
    for (const { reject } of this.waiting.values()) reject(new HalfsecondError('UNAVAILABLE', why))
    this.waiting.clear()
  }
}

type SendWrite = (write: Write, memory: readonly ArrayBuffer[]) => Promise<void>

class LmdbShardStore implements ShardStore {
  private readonly rows: Rowset
  private readonly write: SendWrite
  private readonly snapshots = new Set<LmdbSnapshot>()

  constructor(rows: Rowset, write: SendWrite) {
    this.rows = rows
    this.write = write
  }

  meta(): Uint8Array | undefined {
    return this.rows.getBinary(metaKey)
  }

  *producers(): Iterable<Uint8Array> {
    for (const { value } of this.rows.getRange(rangeOf(rowKinds.producer))) yield value
  }

  *outbox(): Iterable<Uint8Array> {
    for (const { value } of this.rows.getRange(rangeOf(rowKinds.outbox))) yield value
  }

  fragment(identifier: FragmentId): Uint8Array | undefined {
    return this.rows.getBinary(keyOf(rowKinds.fragment, identifier, 0))
  }

  chunk(identifier: FragmentId, number: number): Uint8Array | undefined {
    return this.rows.getBinary(keyOf(rowKinds.chunk, identifier, number))
  }

  fragments(after: Uint8Array | undefined, limit: number): readonly FragmentRow[] {
    const { start, end } = rangeOf(rowKinds.fragment)
    const from = after === undefined ? start : Buffer.from(after)
    const range = this.rows.getRange({ start: from, end, limit: limit + 1 })
    const found = Array.from(range, ({ key, value }) => ({
      key: Buffer.from(key),
      row: Buffer.from(value),
    }))
    return found.filter(({ key }) => after === undefined || key.compare(from) > 0).slice(0, limit)
  }

  deadLetters(limit: number): readonly Uint8Array[] {
    return Array.from(this.rows.getRange({ ...rangeOf(rowKinds.deadLetter), limit }), ({ value }) =>
      Buffer.from(value),
    )
  }

  commit({ count, bytes }: Rows): Promise<void> {
    return this.write({ kind: 'commit', count, bytes }, [])
  }

  snapshot(): StoreSnapshot {
    const snapshot = new LmdbSnapshot(this.rows, () => this.snapshots.delete(snapshot))
    this.snapshots.add(snapshot)
    return snapshot
  }

  restore(rows: readonly StoredRow[]): Promise<void> {
    const bytes = frameStoredRows(rows)
    return this.write({ kind: 'restore', bytes }, [bytes.buffer])
  }

  clear(): Promise<void> {
    return this.write({ kind: 'clear' }, [])
  }

  /** A transaction that outlives its environment would read pages that are gone. */
  closeSnapshots(): void {
    for (const snapshot of this.snapshots) snapshot.close()
  }
}
