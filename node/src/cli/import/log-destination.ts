import type { Transport } from '@halfsecond/client/transport'
import {
  type HalfsecondError,
  type Identifier,
  type Namespaces,
  namespacesOf,
  type ShardMap,
  shardOf,
} from '@halfsecond/protocol'
import { awaitFolded } from './folded.ts'
import type { Destination } from './importer.ts'
import { type Numbered, ShardQueue } from './shard-queue.ts'

/** Encoded records that wait to be stored; reading pauses above it. */
const queuedBytesMax = 8 * 1024 * 1024

/** How long the end of an import waits for the nodes to have folded it. */
const foldedMs = 30_000

export interface LogOptions {
  readonly producer: string
  readonly patienceMs: number
  readonly onRefused: (record: Numbered, reason: string) => void
  readonly onTrouble: (error: HalfsecondError) => void
  readonly signal: AbortSignal
}

/** Records on their way into the logs of a cluster, within a bound of memory. */
export class LogDestination implements Destination {
  readonly namespaces: Namespaces
  stored = 0
  private readonly transport: Transport
  private readonly map: ShardMap
  private readonly options: LogOptions
  private readonly queues = new Map<number, ShardQueue>()
  /** Shard → sequence of the newest batch stored there. */
  private readonly reached = new Map<number, number>()
  private readonly giveUp = new AbortController()
  private readonly signal: AbortSignal
  private queuedBytes = 0
  private failure: HalfsecondError | undefined
  private waking = () => {}

  constructor(transport: Transport, map: ShardMap, options: LogOptions) {
    this.transport = transport
    this.map = map
    this.namespaces = namespacesOf(map)
    this.options = options
    this.signal = AbortSignal.any([options.signal, this.giveUp.signal])
    this.signal.addEventListener('abort', () => this.waking())
  }

  add(key: Identifier, record: Numbered): void {
    this.queuedBytes += record.bytes.length
    this.queueOf(shardOf(key, this.map.shards.length)).add(record)
  }

  async roomy(): Promise<void> {
    while (this.queuedBytes > queuedBytesMax && !this.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.waking = resolve
      })
    }
    if (this.failure !== undefined && !this.options.signal.aborted) throw this.failure
  }

  async finish(): Promise<boolean> {
    for (const queue of this.queues.values()) await queue.drained()
    if (this.options.signal.aborted) return false
    if (this.failure !== undefined) throw this.failure
    return awaitFolded(this.transport, this.map, this.reached, foldedMs)
  }

  private queueOf(shard: number): ShardQueue {
    let queue = this.queues.get(shard)
    if (queue === undefined) {
      const { producer, patienceMs, onRefused, onTrouble } = this.options
      queue = new ShardQueue({
        producer,
        publish: (batch) => this.transport.publish(shard, batch),
        onStored: (record, sequence) => {
          this.stored++
          this.reached.set(shard, sequence)
          this.settled(record)
        },
        onRefused: (record, reason) => {
          onRefused(record, reason)
          this.settled(record)
        },
        patienceMs,
        onTrouble,
        onFailed: (error) => {
          this.failure ??= error
          this.giveUp.abort()
        },
        signal: this.signal,
      })
      this.queues.set(shard, queue)
    }
    return queue
  }

  private settled(record: Numbered): void {
    this.queuedBytes -= record.bytes.length
    if (this.queuedBytes <= queuedBytesMax) this.waking()
  }
}
