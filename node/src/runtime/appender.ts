import type { Namespaces, Position } from '@halfsecond/protocol'
import { checkBatch } from './check-batch.ts'
import type { Log } from './ports.ts'

/** Appends what channels write to the logs, for whoever comes by this node's doors. */
export class Appender {
  /** Why the last append failed; empty where it did not. */
  failure = ''
  private readonly log: Pick<Log, 'append' | 'shards'>
  private readonly incarnations: readonly number[]
  private readonly namespaces: () => Namespaces

  /** @param incarnations of the logs, by shard */
  constructor(
    log: Pick<Log, 'append' | 'shards'>,
    incarnations: readonly number[],
    namespaces: () => Namespaces,
  ) {
    this.log = log
    this.incarnations = incarnations
    this.namespaces = namespaces
  }

  /** Appends a batch unchanged, after every record of it was validated. Rejects as `NodeApi.publish`. */
  async publish(shard: number, batch: Uint8Array): Promise<Position> {
    checkBatch(shard, this.log.shards, batch, this.namespaces())
    const sequence = await this.append(shard, batch)
    const incarnation = this.incarnations[shard] ?? 0
    return { shard, incarnation, sequence }
  }

  /** Appends what is known to be valid. */
  async append(shard: number, batch: Uint8Array): Promise<number> {
    try {
      const sequence = await this.log.append(shard, batch, 'log')
      this.failure = ''
      return sequence
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error)
      throw error
    }
  }
}
