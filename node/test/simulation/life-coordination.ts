import type { MemoryCoordination } from '../../src/memory/memory-coordination.ts'
import type { Coordination, Revised } from '../../src/runtime/ports.ts'
import type { Life } from './life.ts'

/** The coordination as one life of a process has it. */
export class LifeCoordination implements Coordination {
  readonly isShared = true
  private readonly life: Life
  private readonly inner: MemoryCoordination

  constructor(life: Life, inner: MemoryCoordination) {
    this.life = life
    this.inner = inner
  }

  get(key: string): Promise<Revised | undefined> {
    return this.life.told(this.inner.get(key))
  }

  compareAndSet(key: string, value: Uint8Array, revision: number): Promise<boolean> {
    return this.life.told(this.inner.compareAndSet(key, value, revision))
  }

  putBlob(hash: string, bytes: Uint8Array): Promise<void> {
    return this.life.told(this.inner.putBlob(hash, bytes))
  }

  blob(hash: string): Promise<Uint8Array | undefined> {
    return this.life.told(this.inner.blob(hash))
  }
}
