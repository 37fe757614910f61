import { HalfsecondError } from '@halfsecond/protocol'
import type { Clock, Models, StoredModel } from '../runtime/ports.ts'

/** Versions of several nodes in one process, for tests and simulation. Keeps the newest. */
export class MemoryModels implements Models {
  /** While false, nothing is published or found. */
  isReachable = true
  private readonly clock: Pick<Clock, 'now'>
  private readonly keptMax: number
  private readonly stored: StoredModel[] = []
  private readonly watching = new Set<() => void>()
  private last = 0

  constructor(clock: Pick<Clock, 'now'>, keptMax = 1_000) {
    this.clock = clock
    this.keptMax = keptMax
  }

  async publish(version: number, bytes: Uint8Array): Promise<boolean> {
    await this.reach()
    if (version !== this.last + 1) return false
    this.last = version
    this.stored.push({ version, publishedAt: this.clock.now(), bytes: bytes.slice() })
    if (this.stored.length > this.keptMax) this.stored.shift()
    for (const told of this.watching) told()
    return true
  }

  async newest(): Promise<StoredModel | undefined> {
    await this.reach()
    return this.stored.at(-1)
  }

  async at(version: number): Promise<StoredModel | undefined> {
    await this.reach()
    return this.stored.find((one) => one.version === version)
  }

  watch(told: () => void): { close(): void } {
    // Each has its own entry, also where the same function watches twice.
    const own = () => told()
    this.watching.add(own)
    return { close: () => void this.watching.delete(own) }
  }

  private async reach(): Promise<void> {
    await Promise.resolve()
    if (!this.isReachable) throw new HalfsecondError('UNAVAILABLE', 'models cannot be reached')
  }
}
