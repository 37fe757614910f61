import { HalfsecondError } from '@halfsecond/protocol'
import type { Clock, Coordination, Revised } from '../runtime/ports.ts'
import { MemoryErased } from './memory-erased.ts'

/** Earlier values kept per key, for readers that are told old ones. */
const historyMax = 16

/** What several nodes in one process agree on, for tests and simulation. */
export class MemoryCluster {
  /** What was erased: the same for all nodes. */
  readonly erased = new MemoryErased()
  private readonly clock: Clock
  /** Newest first. */
  private readonly values = new Map<string, Revised[]>()
  private readonly blobs = new Map<string, Uint8Array>()
  private revision = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** One node's view, with faults of its own. */
  connect(): MemoryCoordination {
    return new MemoryCoordination(this, this.clock)
  }

  /** The value of a key as it was so many changes ago. */
  read(key: string, changesAgo: number): Revised | undefined {
    return this.values.get(key)?.[changesAgo]
  }

  write(key: string, value: Uint8Array, revision: number): boolean {
    const history = this.values.get(key) ?? []
    if ((history[0]?.revision ?? 0) !== revision) return false
    const written = { value: new Uint8Array(value), revision: ++this.revision }
    this.values.set(key, [written, ...history].slice(0, historyMax))
    return true
  }

  putBlob(hash: string, bytes: Uint8Array): void {
    this.blobs.set(hash, new Uint8Array(bytes))
  }

  blob(hash: string): Uint8Array | undefined {
    return this.blobs.get(hash)
  }
}

export class MemoryCoordination implements Coordination {
  readonly isShared = true
  /** While false, nothing is read or changed. */
  isReachable = true
  /** Reads answer what held so many changes of the key ago, at most 15; writes go by what holds. */
  staleBy = 0
  /** So many of the next writes take place, but are not confirmed. */
  unconfirmed = 0
  /** How long each call takes. */
  latencyMs = 0
  private readonly cluster: MemoryCluster
  private readonly clock: Clock

  constructor(cluster: MemoryCluster, clock: Clock) {
    this.cluster = cluster
    this.clock = clock
  }

  get(key: string): Promise<Revised | undefined> {
    return this.call(() => this.cluster.read(key, this.staleBy))
  }

  compareAndSet(key: string, value: Uint8Array, revision: number): Promise<boolean> {
    const copy = new Uint8Array(value)
    return this.call(() => this.confirm(this.cluster.write(key, copy, revision)))
  }

  putBlob(hash: string, bytes: Uint8Array): Promise<void> {
    return this.call(() => this.confirm(this.cluster.putBlob(hash, bytes)))
  }

  blob(hash: string): Promise<Uint8Array | undefined> {
    return this.call(() => this.cluster.blob(hash))
  }

  private confirm<T>(written: T): T {
    if (this.unconfirmed === 0) return written
    this.unconfirmed--
    throw new HalfsecondError('TIMEOUT', 'the cluster did not confirm the write')
  }

  /** What is away at the beginning or the end of a call fails it, whether or not it took place. */
  private async call<T>(run: () => T): Promise<T> {
    await this.pass(this.latencyMs / 2)
    const answer = run()
    await this.pass(this.latencyMs / 2)
    return answer
  }

  private async pass(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => this.clock.after(ms, resolve))
    if (!this.isReachable) throw new HalfsecondError('UNAVAILABLE', 'the cluster cannot be reached')
  }
}
