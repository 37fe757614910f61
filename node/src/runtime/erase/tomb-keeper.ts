import { type FragmentId, toHalfsecondError } from '@halfsecond/protocol'
import { tombInRow } from '../../core/fragment/fragment-row.ts'
import type { Erasure } from '../../core/identity/ties.ts'
import type { Clock, Erased, Observer, Store, Timer, Tombstone } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { tombstoneKey } from './tombstone-key.ts'
import type { Watermark } from './watermark.ts'

/** How often erases that are under way are looked at. */
const lookMs = 50

/** After something that is needed did not answer. */
const retryMs = 1_000

/** What is in outboxes then is sent within milliseconds; where it is not, the next look asks again. */
const passedMs = 5_000

/** A standby that has not come to lead for so long need not know any more: the primary told. */
const forgottenMs = 300_000

export interface TombKeeperDependencies {
  readonly leads: (shard: number) => boolean
  readonly watermark: Watermark
  readonly erased: Erased
  readonly store: Store
  readonly clock: Clock
  readonly observer: Observer
  readonly hash: (text: string) => string
}

/** Erases that were under way so long before the start are taken up: nodes are not away for longer. */
const takenUpMs = 30 * 86_400_000

interface Pending {
  readonly shard: Shard
  readonly id: FragmentId
  readonly since: number
}

/**
 * Writes down what was erased in the shards that this node leads, at once, and then when it was
 * known to be gone from all answers.
 *
 * T1 a tombstone is effective only after all that the erase spread to has answered, and after that
 *    every outbox of the cluster has let go of what it held then.
 */
export class TombKeeper {
  private readonly uses: TombKeeperDependencies
  private readonly pending = new Map<string, Pending>()
  /** Of an earlier life: whose they are is not known. */
  private left: Tombstone[] = []
  private timer: Timer | undefined
  private isClosed = false

  constructor(uses: TombKeeperDependencies) {
    this.uses = uses
  }

  /** Watches a shard for erases, whether or not it is led here: it may be before they are over. */
  hold(shard: Shard): void {
    const before = shard.memory.onProfileChange
    shard.memory.onProfileChange = (change) => {
      before(change)
      if (change.kind === 'erased') this.add(shard, change.root)
    }
  }

  /** Takes up the erases whose end an earlier life did not see. Never rejects. */
  async start(): Promise<void> {
    const { erased, clock, leads, observer } = this.uses
    try {
      for await (const stone of erased.since(clock.now() - takenUpMs))
        if (stone.effectiveAt === 0 && leads(stone.shard)) this.left.push(stone)
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', 'cannot read what was erased')
      observer.failed('erase', failure)
    }
    this.schedule(lookMs)
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  private add(shard: Shard, id: FragmentId): void {
    const since = this.uses.clock.monotonic()
    this.pending.set(id, { shard, id, since })
    this.schedule(lookMs)
  }

  private schedule(ms: number): void {
    if (this.isClosed || this.timer !== undefined) return
    if (this.pending.size + this.left.length === 0) return
    this.timer = this.uses.clock.after(ms, () => {
      void this.look().then((isDone) => {
        this.timer = undefined
        this.schedule(isDone ? lookMs : retryMs)
      })
    })
  }

  /** Resolves with whether everything that it needed answered. */
  private async look(): Promise<boolean> {
    try {
      const ready: Tombstone[] = []
      const over: string[] = []
      for (const [key, one] of [...this.pending]) {
        const unready = await this.lookAt(one, ready)
        if (unready === 0 && this.pending.get(key) === one) over.push(key)
      }
      const left = this.left.filter((stone) => !this.isDone(stone))
      ready.push(...this.left.filter((stone) => !left.includes(stone)))
      if (ready.length > 0) {
        if (!(await this.uses.watermark.passed(passedMs))) return false
        const effectiveAt = this.uses.clock.now()
        for (const stone of ready) await this.uses.erased.put({ ...stone, effectiveAt })
      }
      for (const key of over) this.pending.delete(key)
      this.left = left
      return left.length === 0
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', 'cannot note what was erased')
      this.uses.observer.failed('erase', failure)
      return false
    }
  }

  /** By the row, for there is only the key to find it by: a checkpoint later than in memory. */
  private isDone({ shard, key, eraseId }: Tombstone): boolean {
    const row = this.uses.store.shard(shard).fragmentOf(key)
    const erasure = row && tombInRow(row)?.erasures.get(eraseId)
    return erasure !== undefined && erasure.doneAt > 0
  }

  /** Adds what can become effective now. Resolves with how many erases of it are not that far. */
  private async lookAt({ shard, id, since }: Pending, ready: Tombstone[]): Promise<number> {
    const { leads, clock } = this.uses
    if (!leads(shard.number)) return clock.monotonic() - since > forgottenMs ? 0 : 1
    const tomb = shard.read(id)?.ties?.tomb
    let unready = 0
    for (const [eraseId, erasure] of tomb?.erasures ?? []) {
      const stone = await this.stoneOf(shard.number, id, eraseId, erasure, tomb?.at ?? 0)
      if (stone.effectiveAt > 0) continue
      if (erasure.doneAt > 0) ready.push(stone)
      else unready++
    }
    return unready
  }

  private async stoneOf(
    shard: number,
    id: FragmentId,
    eraseId: string,
    erasure: Erasure,
    tombAt: number,
  ): Promise<Tombstone> {
    const { erased, hash } = this.uses
    const key = tombstoneKey(id, hash)
    const known = await erased.get(key, eraseId)
    if (known !== undefined) return known
    const at = Math.max(tombAt, erasure.at)
    const stone = { shard, key, eraseId, at, effectiveAt: 0, expungedAt: 0 }
    await erased.put(stone)
    return stone
  }
}
