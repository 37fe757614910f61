import { HalfsecondError } from '@halfsecond/protocol'
import type { Signals, SignalText, StoredSignal } from '../runtime/ports.ts'

/** Signals of several nodes in one process, for tests and simulation. Keeps them all. */
export class MemorySignals implements Signals {
  /** While false, nothing is published or read. */
  isReachable = true
  /** So many of the next publications take place, but are not confirmed. */
  unconfirmed = 0
  private last = 0
  private readonly stored: StoredSignal[] = []
  private readonly ids = new Set<string>()

  async publish(_shard: number, signals: readonly SignalText[]): Promise<void> {
    await this.reach()
    for (const { id, text } of signals) {
      if (this.ids.has(id)) continue
      this.ids.add(id)
      this.stored.push({ cursor: ++this.last, text })
    }
    if (this.unconfirmed === 0) return
    this.unconfirmed--
    throw new HalfsecondError('TIMEOUT', 'the signals are not confirmed')
  }

  async read(after: number, limit: number): Promise<readonly StoredSignal[]> {
    await this.reach()
    return this.stored.filter(({ cursor }) => cursor > after).slice(0, limit)
  }

  async remove(isGone: (text: string) => boolean): Promise<number> {
    await this.reach()
    const kept = this.stored.filter(({ text }) => !isGone(text))
    const count = this.stored.length - kept.length
    this.stored.splice(0, this.stored.length, ...kept)
    return count
  }

  private async reach(): Promise<void> {
    await Promise.resolve()
    if (!this.isReachable) throw new HalfsecondError('UNAVAILABLE', 'signals cannot be reached')
  }
}
