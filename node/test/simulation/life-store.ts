import { HalfsecondError } from '@halfsecond/protocol'
import type { MemoryStore } from '../../src/memory/memory-store.ts'
import type { Rows, ShardStore, Store, StoredRow } from '../../src/runtime/ports.ts'
import type { Life } from './life.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How a node's disk is; it outlives the process. */
export interface Disk {
  readonly store: MemoryStore
  latencyMs: number
  isFull: boolean
}

interface Write {
  readonly land: () => Promise<void>
}

/** The store as one life of a process has it: writes take their time, and some never land. */
export class LifeStore implements Store {
  private readonly life: Life
  private readonly disk: Disk
  private readonly time: VirtualTime
  private readonly open = new Set<Write>()

  constructor(life: Life, disk: Disk, time: VirtualTime) {
    this.life = life
    this.disk = disk
    this.time = time
  }

  shard(number: number): ShardStore {
    const inner = this.disk.store.shard(number)
    return {
      meta: () => inner.meta(),
      producers: () => inner.producers(),
      outbox: () => inner.outbox(),
      statistics: () => inner.statistics(),
      fragment: (identifier) => inner.fragment(identifier),
      chunk: (identifier, chunk) => inner.chunk(identifier, chunk),
      fragments: (after, limit) => inner.fragments(after, limit),
      fragmentOf: (key) => inner.fragmentOf(key),
      deadLetters: (limit) => inner.deadLetters(limit),
      commit: ({ count, bytes }: Rows) => {
        const rows = { count, bytes: new Uint8Array(bytes) }
        return this.write(() => inner.commit(rows))
      },
      snapshot: () => inner.snapshot(),
      restore: (rows: readonly StoredRow[]) => this.write(() => inner.restore(rows)),
      remove: (keys: readonly Uint8Array[]) => this.write(() => inner.remove(keys)),
      clear: () => this.write(() => inner.clear()),
    }
  }

  usage(): Promise<{ usedBytes: number; freeBytes: number }> {
    return this.disk.store.usage()
  }

  compact(): Promise<void> {
    return this.disk.store.compact()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** The process dies: what it was writing lands or does not. */
  crash(isLanded: () => boolean): void {
    for (const { land } of this.open) if (isLanded()) void land()
    this.open.clear()
  }

  private write(land: () => Promise<void>): Promise<void> {
    const one: Write = { land }
    this.open.add(one)
    const written = new Promise<void>((resolve, reject) => {
      this.time.after(this.disk.latencyMs, () => {
        if (!this.open.delete(one)) return
        if (this.disk.isFull) reject(diskFull())
        else land().then(resolve, reject)
      })
    })
    return this.life.told(written)
  }
}

function diskFull(): HalfsecondError {
  return new HalfsecondError('UNAVAILABLE', 'the disk is full')
}
