import { bounds, encodeBatch, HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'

/**
 * A log flushes a batch to disk at once, so large ones make an import fast. Below a frame's bound,
 * and below what one HTTP request carries.
 */
const batchBytes = 160 * 1024

const firstRetryMs = 50
const retryMaxMs = 2_000

/** A record of an import, encoded with its own number. */
export interface Numbered {
  readonly n: number
  readonly line: number
  readonly bytes: Uint8Array
  /** The line, in case it is refused. */
  readonly text: string
}

export interface ShardQueueDependencies {
  readonly producer: string
  /** Appends a batch to the shard's log; resolves with its sequence. */
  readonly publish: (batch: Uint8Array) => Promise<number>
  /** The record is in the log, at this sequence. */
  readonly onStored: (record: Numbered, sequence: number) => void
  readonly onRefused: (record: Numbered, reason: string) => void
  /** How long a batch is tried before the import fails. */
  readonly patienceMs: number
  /** Told of the first failure of each batch. */
  readonly onTrouble: (error: HalfsecondError) => void
  /** Told once when patience ended: nothing more is sent. */
  readonly onFailed: (error: HalfsecondError) => void
  /** Ends all attempts. */
  readonly signal: AbortSignal
}

/**
 * The records of one shard on their way into its log, in order of their numbers.
 *
 * S1 at most one batch is under way, so that numbers reach the log in order whatever is retried.
 * S2 a batch is sent again unchanged until it is stored, refused, or patience ends.
 * S3 a refusal fails only the record that it concerns: the batch is split to find it.
 */
export class ShardQueue {
  private readonly uses: ShardQueueDependencies
  private waiting: Numbered[] = []
  private sending: Promise<void> | undefined
  private isFailed = false

  constructor(uses: ShardQueueDependencies) {
    this.uses = uses
  }

  add(record: Numbered): void {
    if (this.isFailed) return
    this.waiting.push(record)
    this.sending ??= this.sendAll()
  }

  /** Resolves when all is stored or refused, or has failed. */
  async drained(): Promise<void> {
    await this.sending
  }

  private async sendAll(): Promise<void> {
    // What is added in one turn goes into one batch.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      while (this.waiting.length > 0) await this.send(this.takeBatch())
    } catch (thrown) {
      this.isFailed = true
      this.waiting = []
      this.uses.onFailed(toHalfsecondError(thrown, 'UNAVAILABLE', 'cannot import'))
    }
    this.sending = undefined
  }

  private takeBatch(): Numbered[] {
    let bytes = 0
    let count = 0
    for (const record of this.waiting) {
      if (count === bounds.recordsPerBatch) break
      if (count > 0 && bytes + record.bytes.length > batchBytes) break
      bytes += record.bytes.length
      count++
    }
    return this.waiting.splice(0, count)
  }

  private async send(records: readonly Numbered[]): Promise<void> {
    const [first] = records
    if (first === undefined) return
    try {
      const sequence = await this.publish(
        encodeBatch(
          this.uses.producer,
          first.n,
          records.map(({ bytes }) => bytes),
        ),
      )
      for (const record of records) this.uses.onStored(record, sequence)
    } catch (thrown) {
      const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'cannot reach the log')
      if (error.retryable || error.code === 'CLOSED') throw error
      if (records.length === 1) {
        this.uses.onRefused(first, `${error.code}: ${error.message}`)
        return
      }
      const middle = records.length >> 1
      await this.send(records.slice(0, middle))
      await this.send(records.slice(middle))
    }
  }

  private async publish(batch: Uint8Array): Promise<number> {
    const { signal, patienceMs, publish, onTrouble } = this.uses
    const startedAt = performance.now()
    for (let attempt = 0; ; attempt++) {
      if (signal.aborted) throw new HalfsecondError('CLOSED', 'the import was stopped')
      try {
        return await publish(batch)
      } catch (thrown) {
        const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'cannot reach the log')
        if (!error.retryable || performance.now() - startedAt > patienceMs) throw error
        if (attempt === 0) onTrouble(error)
        await pause(Math.min(retryMaxMs, firstRetryMs * 2 ** Math.min(attempt, 10)), signal)
      }
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
