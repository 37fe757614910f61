import { type FragmentId, toHalfsecondError } from '@halfsecond/protocol'
import { Arena } from '../../core/fragment/arena.ts'
import { release } from '../../core/fragment/fragment.ts'
import { decodeFragment, identifierInRow } from '../../core/fragment/fragment-row.ts'
import { lastWriteOf } from '../../core/identity/expire.ts'
import type { Clock, FragmentRow, Observer, Store, Timer } from '../ports.ts'
import type { Primary } from '../shards/primary.ts'

/** Rows that are looked at in a second, over all shards: a million takes half an hour. */
const rowsPerSecond = 500
const everyMs = 1_000

export interface RetentionDependencies {
  /** Undefined: nothing is too old. */
  readonly retentionMs: number | undefined
  readonly leaders: () => readonly Primary[]
  readonly store: Store
  readonly clock: Clock
  readonly observer: Observer
}

/**
 * Has forgotten what was idle for too long: walks slowly through the rows of the shards that this
 * node leads, again and again. The fold decides, for a row may be older than its fragment. Time is
 * the shard's, so that a clock that is wrong removes nothing.
 */
export class Retention {
  private readonly uses: RetentionDependencies
  /** Memory for rows that are only read. */
  private readonly scratch = new Arena()
  /** The shard that is walked through, and its last row that was looked at. */
  private at: { readonly shard: number; readonly after: Uint8Array | undefined } = {
    shard: -1,
    after: undefined,
  }
  private timer: Timer | undefined
  private isClosed = false

  constructor(uses: RetentionDependencies) {
    this.uses = uses
    if (uses.retentionMs !== undefined) this.schedule(uses.retentionMs)
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  private schedule(retentionMs: number): void {
    if (this.isClosed) return
    this.timer = this.uses.clock.after(everyMs, () => {
      void this.round(retentionMs).finally(() => this.schedule(retentionMs))
    })
  }

  private async round(retentionMs: number): Promise<void> {
    const inOrder = [...this.uses.leaders()].sort((a, b) => a.number - b.number)
    let left = rowsPerSecond
    for (let shards = inOrder.length; shards > 0 && left > 0; shards--) {
      const primary = this.nextOf(inOrder)
      if (primary === undefined) return
      const rows = this.uses.store.shard(primary.number).fragments(this.at.after, left)
      await this.expire(primary, rows, primary.time - retentionMs)
      left -= rows.length
      const isOver = left > 0
      this.at = isOver
        ? { shard: primary.number + 1, after: undefined }
        : { shard: primary.number, after: rows.at(-1)?.key }
    }
  }

  /** The one that is walked through, or the first after it that is led here. */
  private nextOf(inOrder: readonly Primary[]): Primary | undefined {
    const next = inOrder.find(({ number }) => number >= this.at.shard) ?? inOrder[0]
    if (next && next.number !== this.at.shard) this.at = { shard: next.number, after: undefined }
    return next
  }

  private async expire(
    primary: Primary,
    rows: readonly FragmentRow[],
    idleSince: number,
  ): Promise<void> {
    const ids = rows.flatMap(({ row }) => {
      const id = identifierInRow(row)
      return id !== undefined && this.isIdle(id, row, idleSince) ? [id] : []
    })
    if (ids.length === 0) return
    try {
      await primary.expire(ids, idleSince)
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', 'cannot forget what is too old')
      this.uses.observer.failed('retention', failure)
    }
  }

  private isIdle(id: FragmentId, row: Uint8Array, idleSince: number): boolean {
    const fragment = decodeFragment(id, row, this.scratch, null)
    const last = lastWriteOf(fragment)
    release(fragment, this.scratch)
    return last >= 0 && last <= idleSince
  }
}
