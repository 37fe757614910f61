import { bounds, encodeBatch, HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import { backoffMs } from './backoff.ts'
import type { Counters } from './counters.ts'
import type { Recent } from './recent.ts'
import type { SentRecord } from './sent-record.ts'
import type { Slots } from './slots.ts'
import type { Transport } from './transport.ts'

/** After this a record's fate is unknown: it may or may not be in the log. */
export const giveUpMs = 60 * 60_000

/** An election of a log's leader takes 4 to 9 seconds: be back soon after, without a storm. */
const firstRetryMs = 50
const retryMaxMs = 2_000

/** A batch is sent when this is reached, and earlier when nothing is under way. */
const batchBytes = 192 * 1024

export interface PublisherDependencies {
  readonly producer: string
  /** Which life of the shard's log is current. */
  readonly incarnation: () => number
  readonly transport: Transport
  readonly recent: Recent
  readonly counters: Counters
  /** Shared by the publishers of a client. */
  readonly slots: Slots
  /** Told of records that were given up. */
  readonly failed: (count: number, error: HalfsecondError) => void
  /** Told how many bytes no longer wait. */
  readonly settled: (bytes: number) => void
  readonly onProblem: (problem: HalfsecondError) => void
}

/**
 * The queue of one shard.
 *
 * Q1 at most one batch is under way; the next one fills meanwhile. So order survives every retry.
 * Q2 a batch is sent again until it is acknowledged or refused for good; a record that is given up
 *    leaves it, and the others keep their numbers.
 * Q3 a refusal that concerns one record fails that record only: the batch is split to find it.
 */
export class Publisher {
  private readonly shard: number
  private readonly uses: PublisherDependencies
  private readonly queue: SentRecord[] = []
  private isSending = false
  private isScheduled = false
  private isClosed = false
  private waking: (() => void) | undefined
  private last = 0

  constructor(shard: number, uses: PublisherDependencies) {
    this.shard = shard
    this.uses = uses
  }

  /** Numbers the record and takes it into the queue. */
  add(record: SentRecord): void {
    record.shard = this.shard
    record.producer = this.uses.producer
    record.n = ++this.last
    this.queue.push(record)
    this.uses.recent.sent(record)
    if (this.isScheduled || this.isSending) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      void this.sendAll()
    })
  }

  /** What waits is tried once more at once, then fails with `CLOSED`. */
  close(): void {
    this.isClosed = true
    this.waking?.()
  }

  private async sendAll(): Promise<void> {
    if (this.isSending) return
    this.isSending = true
    while (this.queue.length > 0) {
      const release = await new Promise<() => void>((start) => this.uses.slots.take(start))
      await this.send(this.takeBatch()).finally(release)
    }
    this.isSending = false
  }

  private takeBatch(): SentRecord[] {
    let bytes = 0
    let count = 0
    for (const record of this.queue) {
      if (count > 0 && bytes + record.size > batchBytes) break
      if (count === bounds.recordsPerBatch) break
      bytes += record.size
      count++
    }
    return this.queue.splice(0, count)
  }

  private async send(batch: readonly SentRecord[]): Promise<void> {
    const [first] = batch
    if (first === undefined) return
    const bytes = encodeBatch(
      first.producer,
      first.n,
      batch.map((record) => record.bytes),
    )
    for (let attempt = 0; ; attempt++) {
      try {
        const sequence = await this.uses.transport.publish(this.shard, bytes)
        this.acknowledge(batch, sequence)
        return
      } catch (thrown) {
        const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'cannot reach the log')
        if (error.code === 'CLOSED') return this.fail(batch, closed(error))
        if (!error.retryable) return this.refused(batch, error)
        if (attempt === 0) this.uses.onProblem(error)
        if (this.isClosed) return this.fail(batch, closed(error))
        this.uses.counters.retries++
        await this.pause(backoffMs(attempt, firstRetryMs, retryMaxMs))
        const late = countBefore(batch, performance.now() - giveUpMs)
        if (late === 0) continue
        this.fail(batch.slice(0, late), unknown(error))
        return this.send(batch.slice(late))
      }
    }
  }

  private async refused(batch: readonly SentRecord[], error: HalfsecondError): Promise<void> {
    if (batch.length === 1) return this.fail(batch, error)
    const middle = batch.length >> 1
    await this.send(batch.slice(0, middle))
    await this.send(batch.slice(middle))
  }

  private acknowledge(batch: readonly SentRecord[], sequence: number): void {
    const position = { shard: this.shard, incarnation: this.uses.incarnation(), sequence }
    this.uses.counters.acknowledged += batch.length
    let bytes = 0
    for (const record of batch) {
      bytes += record.size
      record.acknowledge(position)
    }
    this.uses.settled(bytes)
  }

  private fail(batch: readonly SentRecord[], error: HalfsecondError): void {
    let bytes = 0
    for (const record of batch) {
      bytes += record.size
      record.fail(error)
    }
    this.uses.failed(batch.length, error)
    this.uses.settled(bytes)
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.waking = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** How many of these records, which are in the order they were made in, were made before. */
function countBefore(batch: readonly SentRecord[], madeAt: number): number {
  const first = batch.findIndex((record) => record.madeAt >= madeAt)
  return first < 0 ? batch.length : first
}

function unknown(cause: HalfsecondError): HalfsecondError {
  return new HalfsecondError(
    'TIMEOUT',
    'the log did not acknowledge for an hour: the record may or may not be stored',
    { cause },
  )
}

function closed(cause: HalfsecondError): HalfsecondError {
  return new HalfsecondError(
    'CLOSED',
    'closed before the log acknowledged: the record may or may not be stored',
    { cause },
  )
}
