import { HalfsecondError } from '@halfsecond/protocol'
import type { Rows, ShardStore, Store } from '../../src/runtime/ports.ts'

interface Held {
  readonly land: () => Promise<void>
  readonly fail: () => void
}

/**
 * A store as one life of a process sees it: commits land, fail, or are held until a test says what
 * becomes of them. When the process dies, what was held landed or did not.
 */
export class FaultyStore implements Store {
  mode: 'works' | 'fails' | 'holds' = 'works'
  /** The process is gone: nothing that it still tries reaches the disk. */
  isDead = false
  commits = 0
  private readonly inner: Store
  private held: Held[] = []

  constructor(inner: Store) {
    this.inner = inner
  }

  get heldCount(): number {
    return this.held.length
  }

  shard(number: number): ShardStore {
    const inner = this.inner.shard(number)
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
      commit: (rows) => this.commit(inner, rows),
      snapshot: () => inner.snapshot(),
      restore: (rows) => (this.isDead ? new Promise(() => {}) : inner.restore(rows)),
      remove: (keys) => (this.isDead ? new Promise(() => {}) : inner.remove(keys)),
      clear: () => (this.isDead ? new Promise(() => {}) : inner.clear()),
    }
  }

  usage(): Promise<{ usedBytes: number; freeBytes: number }> {
    return this.inner.usage()
  }

  compact(): Promise<void> {
    return this.inner.compact()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** What is held reaches the disk, in order. */
  async landHeld(): Promise<void> {
    const { held } = this
    this.held = []
    for (const one of held) await one.land()
  }

  failHeld(): void {
    const { held } = this
    this.held = []
    for (const one of held) one.fail()
  }

  private commit(inner: ShardStore, rows: Rows): Promise<void> {
    this.commits++
    if (this.isDead) return new Promise(() => {})
    if (this.mode === 'fails') return Promise.reject(diskFull())
    if (this.mode === 'works') return inner.commit(rows)
    return new Promise((resolve, reject) => {
      this.held.push({
        land: () => inner.commit(rows).then(resolve),
        fail: () => reject(diskFull()),
      })
    })
  }
}

function diskFull(): HalfsecondError {
  return new HalfsecondError('UNAVAILABLE', 'the disk is full')
}
