import { hash } from 'node:crypto'
import { type FragmentId, HalfsecondError, isFragmentId } from '@halfsecond/protocol'
import { tombstoneKey } from '../runtime/erase/tombstone-key.ts'
import {
  type FragmentRow,
  type Rows,
  rowKinds,
  type ShardStore,
  type Store,
  type StoredRow,
  type StoreSnapshot,
} from '../runtime/ports.ts'
import { readRows } from '../runtime/rows.ts'

/** The store in memory, for tests and simulation. */
export class MemoryStore implements Store {
  /** While set, nothing is written: commits and the like are refused with it. */
  failure: HalfsecondError | undefined
  private readonly stores = new Map<number, MemoryShardStore>()

  shard(shard: number): ShardStore {
    let store = this.stores.get(shard)
    if (store === undefined) {
      store = new MemoryShardStore(() => this.failure)
      this.stores.set(shard, store)
    }
    return store
  }

  usage(): Promise<{ usedBytes: number; freeBytes: number }> {
    return Promise.resolve({ usedBytes: 0, freeBytes: Number.MAX_SAFE_INTEGER })
  }

  compact(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class MemoryShardStore implements ShardStore {
  private readonly failure: () => HalfsecondError | undefined
  /** By kind, then `name number`. */
  private readonly rows = new Map<number, Map<string, Uint8Array>>()

  constructor(failure: () => HalfsecondError | undefined) {
    this.failure = failure
  }

  meta(): Uint8Array | undefined {
    return this.of(rowKinds.meta).get(' 0')
  }

  producers(): Iterable<Uint8Array> {
    return this.of(rowKinds.producer).values()
  }

  outbox(): Iterable<Uint8Array> {
    return this.of(rowKinds.outbox).values()
  }

  statistics(): Iterable<Uint8Array> {
    return this.of(rowKinds.statistics).values()
  }

  fragment(identifier: FragmentId): Uint8Array | undefined {
    return this.of(rowKinds.fragment).get(`${identifier} 0`)
  }

  chunk(identifier: FragmentId, number: number): Uint8Array | undefined {
    return this.of(rowKinds.chunk).get(`${identifier} ${number}`)
  }

  fragments(after: Uint8Array | undefined, limit: number): readonly FragmentRow[] {
    const from = after === undefined ? '' : Buffer.from(after).toString()
    return [...this.of(rowKinds.fragment)]
      .filter(([key]) => key > from)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, row]) => ({ key: Buffer.from(key), row }))
  }

  fragmentOf(key: string): Uint8Array | undefined {
    for (const [name, row] of this.of(rowKinds.fragment))
      if (keyOfName(name.slice(0, -' 0'.length)) === key) return row
    return undefined
  }

  deadLetters(limit: number): readonly Uint8Array[] {
    return [...this.of(rowKinds.deadLetter)]
      .sort(([a], [b]) => Number(a) - Number(b))
      .slice(0, limit)
      .map(([, row]) => row)
  }

  commit(rows: Rows): Promise<void> {
    const failure = this.failure()
    if (failure) return Promise.reject(failure)
    for (const { kind, name, number, value } of readRows(rows.bytes)) {
      const key = `${Buffer.from(name).toString()} ${number}`
      if (value === undefined) this.of(kind).delete(key)
      else this.of(kind).set(key, Uint8Array.from(value))
    }
    return Promise.resolve()
  }

  snapshot(): StoreSnapshot {
    const all = [...this.rows]
      .flatMap(([kind, rows]) =>
        [...rows].map(([name, value]) => ({
          key: Buffer.concat([Buffer.of(kind), Buffer.from(name)]),
          value,
        })),
      )
      .sort((a, b) => a.key.compare(b.key))
    const meta = all.find(({ key }) => key[0] === rowKinds.meta)
    return new MemorySnapshot(
      meta,
      all.filter((row) => row !== meta),
    )
  }

  restore(rows: readonly StoredRow[]): Promise<void> {
    const failure = this.failure()
    if (failure) return Promise.reject(failure)
    for (const { key, value } of rows)
      this.of(key[0] ?? 0).set(Buffer.from(key).toString('utf8', 1), Uint8Array.from(value))
    return Promise.resolve()
  }

  remove(keys: readonly Uint8Array[]): Promise<void> {
    const failure = this.failure()
    if (failure) return Promise.reject(failure)
    for (const key of keys) this.of(key[0] ?? 0).delete(Buffer.from(key).toString('utf8', 1))
    return Promise.resolve()
  }

  clear(): Promise<void> {
    const failure = this.failure()
    if (failure) return Promise.reject(failure)
    this.rows.clear()
    return Promise.resolve()
  }

  private of(kind: number): Map<string, Uint8Array> {
    let rows = this.rows.get(kind)
    if (rows === undefined) {
      rows = new Map()
      this.rows.set(kind, rows)
    }
    return rows
  }
}

function keyOfName(name: string): string {
  return isFragmentId(name) ? tombstoneKey(name, (text) => hash('sha256', text)) : ''
}

class MemorySnapshot implements StoreSnapshot {
  readonly meta: StoredRow | undefined
  private readonly others: readonly (StoredRow & { readonly key: Buffer })[]
  private isClosed = false

  constructor(
    meta: StoredRow | undefined,
    others: readonly (StoredRow & { readonly key: Buffer })[],
  ) {
    this.meta = meta
    this.others = others
  }

  rows(after: Uint8Array | undefined, bytes: number): readonly StoredRow[] {
    if (this.isClosed) throw new HalfsecondError('UNAVAILABLE', 'the snapshot is closed')
    const start = after ? this.others.findIndex(({ key }) => key.compare(after) > 0) : 0
    const rows: StoredRow[] = []
    let size = 0
    for (const row of start < 0 ? [] : this.others.slice(start)) {
      rows.push(row)
      size += row.key.length + row.value.length
      if (size >= bytes) break
    }
    return rows
  }

  close(): void {
    this.isClosed = true
  }
}
