import { type GrantRecord, isPrimaryOwnRecord, toHalfsecondError } from '@halfsecond/protocol'
import type { Observer } from '../ports.ts'
import type { Primary } from '../shards/primary.ts'

/** Grants of one entry of the log: with the longest names they fill an eighth of a frame. */
const grantsPerEntry = 64

/** Grants that wait for the log, per shard: what comes on top is not granted. */
const waitingMax = 4_096

/** A grant as it is asked for; the epoch is of whoever writes it. */
export type Grant = Omit<GrantRecord, 'kind' | 'epoch'>

interface Waiting {
  readonly grant: Grant
  readonly done: (isWritten: boolean) => void
}

export interface GrantWriterDependencies {
  /** The primary of a shard, where this node leads it. */
  readonly leaderOf: (shard: number) => Pick<Primary, 'grant'> | undefined
  readonly observer: Pick<Observer, 'failed'>
}

/**
 * Writes grants to the logs of the shards that this node leads, those of one moment in one entry.
 * While one entry is under way the next ones gather.
 */
export class GrantWriter {
  private readonly uses: GrantWriterDependencies
  private readonly waiting = new Map<number, Waiting[]>()
  private readonly busy = new Set<number>()

  constructor(uses: GrantWriterDependencies) {
    this.uses = uses
  }

  leads(shard: number): boolean {
    return this.uses.leaderOf(shard) !== undefined
  }

  /**
   * Resolves once the fold of this node has seen it, with true: what it made of it stands in the
   * timeline. With false where nobody can say that it was written. Never rejects.
   */
  write(shard: number, grant: Grant): Promise<boolean> {
    const waiting = this.waiting.get(shard) ?? []
    this.waiting.set(shard, waiting)
    // Whoever folds believes what nodes write, so nothing else may get there.
    const isWhole = isPrimaryOwnRecord({ kind: 'grant', epoch: 1, ...grant })
    if (!isWhole || waiting.length >= waitingMax) return Promise.resolve(false)
    return new Promise((done) => {
      waiting.push({ grant, done })
      if (!this.busy.has(shard)) void this.run(shard, waiting)
    })
  }

  private async run(shard: number, waiting: Waiting[]): Promise<void> {
    this.busy.add(shard)
    // Whatever is asked for in this turn goes into the first entry too.
    await Promise.resolve()
    while (waiting.length > 0) {
      const taken = waiting.splice(0, grantsPerEntry)
      const isWritten = await this.writeAll(
        shard,
        taken.map(({ grant }) => grant),
      )
      for (const { done } of taken) done(isWritten)
    }
    this.busy.delete(shard)
  }

  private async writeAll(shard: number, grants: readonly Grant[]): Promise<boolean> {
    const leader = this.uses.leaderOf(shard)
    if (leader === undefined) return false
    try {
      return await leader.grant(grants)
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', 'the log takes no grant')
      this.uses.observer.failed(`grants of shard ${shard}`, failure)
      return false
    }
  }
}
