import { statfs } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { type FragmentId, HalfsecondError } from '@halfsecond/protocol'
import { readTombstoneKey } from '../runtime/erase/tombstone-key.ts'
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
import { CopiedRows } from './copied-rows.ts'
import { type Environment, openEnvironment, openRows, type Rowset } from './environment.ts'
import { currentFolder, removeOthers } from './generations.ts'
import { fragmentKey, keyOf, metaKey, rangeOf, rowsOf } from './keys.ts'
import { LmdbSnapshot } from './lmdb-snapshot.ts'
import type { Write, WriteReply, WriterData } from './writer-thread.ts'

/**
 * The rows of all shards of a node, in one LMDB environment with one database per shard. Reads go
 * straight to the memory map; writes go through one thread of their own.
 */
export class LmdbStore implements Store {
  private readonly path: string
  private environment: Environment
  private readonly stores: readonly LmdbShardStore[]
  private readonly thread: Worker
  private readonly waiting = new Map<
    number,
    { resolve: () => void; reject: (error: Error) => void }
  >()
  private requests = 0
  /** Ends when the environment before the last compaction is closed and removed. */
  private leaving: Promise<void> = Promise.resolve()
  private ended: string | undefined

  constructor(path: string, shards: number) {
    this.path = path
    const folder = currentFolder(path)
    this.environment = openEnvironment(folder)
    this.stores = Array.from(
      { length: shards },
      (_, shard) =>
        new LmdbShardStore(openRows(this.environment, rowsOf(shard)), (write, memory) =>
          this.write(shard, write, memory),
        ),
    )
    const workerData: WriterData = { path, folder, shards }
    this.thread = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData })
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

  /** Commits wait meanwhile. Copies of shards that are under way break off. */
  async compact(): Promise<void> {
    await this.write(0, { kind: 'compact' }, [])
    await this.leaving
  }

  async close(): Promise<void> {
    await this.leaving
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

  private written({ id, error, folder }: WriteReply): void {
    // Before whoever committed is told, and frees what it can read again from here.
    if (folder !== undefined) this.moveTo(folder)
    // The read transaction of this thread may be older than what was just committed.
    this.environment.resetReadTxn()
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    if (error === undefined) waiting?.resolve()
    else
      waiting?.reject(new HalfsecondError('UNAVAILABLE', `cannot write to ${this.path}: ${error}`))
  }

  private moveTo(folder: string): void {
    const before = this.environment
    this.environment = openEnvironment(folder)
    for (const [shard, store] of this.stores.entries())
      store.moveTo(openRows(this.environment, rowsOf(shard)))
    this.leaving = before.close().then(() => removeOthers(this.path, folder))
  }

  private failAll(why: string): void {
    this.ended ??= why
    for (const { reject } of this.waiting.values()) reject(new HalfsecondError('UNAVAILABLE', why))
    this.waiting.clear()
  }
}

type SendWrite = (write: Write, memory: readonly ArrayBuffer[]) => Promise<void>

class LmdbShardStore implements ShardStore {
  private rows: Rowset
  private readonly write: SendWrite
  private readonly snapshots = new Set<LmdbSnapshot>()
  private readonly copied = new CopiedRows()

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

  *statistics(): Iterable<Uint8Array> {
    for (const { value } of this.rows.getRange(rangeOf(rowKinds.statistics))) yield value
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
    const range = { start: from, exclusiveStart: after !== undefined, end, limit }
    return Array.from(this.copied.of(this.rows, range), ({ key, value }) => ({ key, row: value }))
  }

  fragmentOf(key: string): Uint8Array | undefined {
    const { hash, epoch } = readTombstoneKey(key)
    return this.rows.getBinary(fragmentKey(hash, epoch))
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

  remove(keys: readonly Uint8Array[]): Promise<void> {
    return this.write({ kind: 'remove', keys: Buffer.concat(keys) }, [])
  }

  clear(): Promise<void> {
    return this.write({ kind: 'clear' }, [])
  }

  /** Reads from another environment from now on. */
  moveTo(rows: Rowset): void {
    this.closeSnapshots()
    this.rows = rows
  }

  /** A transaction that outlives its environment would read pages that are gone. */
  closeSnapshots(): void {
    for (const snapshot of this.snapshots) snapshot.close()
  }
}
