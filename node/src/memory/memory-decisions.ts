import { HalfsecondError } from '@halfsecond/protocol'
import type { Clock, Decisions } from '../runtime/ports.ts'

interface Stored {
  readonly partition: number
  readonly at: number
  readonly bytes: Uint8Array
}

/** Decisions of several nodes in one process, for tests and simulation. Keeps the newest. */
export class MemoryDecisions implements Decisions {
  /** While false, nothing is appended or found. */
  isReachable = true
  private readonly clock: Pick<Clock, 'now'>
  private readonly keptMax: number
  private stored: Stored[] = []

  /** @param keptMax entries: simulations make more than memory holds */
  constructor(clock: Pick<Clock, 'now'>, keptMax = 100_000) {
    this.clock = clock
    this.keptMax = keptMax
  }

  async append(partition: number, entries: readonly Uint8Array[]): Promise<void> {
    await this.reach()
    const at = this.clock.now()
    for (const entry of entries) this.stored.push({ partition, at, bytes: entry.slice() })
    if (this.stored.length > 2 * this.keptMax) this.stored = this.stored.slice(-this.keptMax)
  }

  async *find(partition: number, from: number, to: number): AsyncGenerator<Uint8Array> {
    await this.reach()
    for (const one of this.stored)
      if (one.partition === partition && one.at >= from && one.at <= to) yield one.bytes
  }

  async remove(isGone: (entry: Uint8Array) => boolean): Promise<number> {
    await this.reach()
    const kept = this.stored.filter(({ bytes }) => !isGone(bytes))
    const count = this.stored.length - kept.length
    this.stored = kept
    return count
  }

  private async reach(): Promise<void> {
    await Promise.resolve()
    if (!this.isReachable)
      throw new HalfsecondError('UNAVAILABLE', 'the decision log cannot be reached')
  }
}
