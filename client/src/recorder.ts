import { randomBytes } from 'node:crypto'
import {
  bounds,
  type ChannelRecord,
  encode,
  HalfsecondError,
  type Identifier,
  type Position,
  recordFault,
  toHalfsecondError,
} from '@halfsecond/protocol'
import type { Counters } from './counters.ts'
import { HeldRecords } from './held-records.ts'
import { ignorable } from './ignorable.ts'
import type { MapFollower } from './map-follower.ts'
import { newestPositions } from './newest-positions.ts'
import type { CompiledOptions } from './options.ts'
import { Publisher } from './publisher.ts'
import { Recent } from './recent.ts'
import { SentRecord } from './sent-record.ts'
import { Slots } from './slots.ts'
import type { Transport } from './transport.ts'

/** A record as callers give it: the recorder adds its id, time and channel. */
export type NewRecord = ChannelRecord extends infer R
  ? R extends ChannelRecord
    ? Omit<R, 'id' | 'at' | 'n' | 'channel'>
    : never
  : never

export interface RecordOptions {
  /** When it happened, in milliseconds since 1970. Default: now. */
  readonly at?: number
  /** A record of the same id again changes nothing. Default: a new id. */
  readonly id?: string
}

/** Checks records, numbers them, and hands them to the queues of their shards, within a bound. */
export class Recorder {
  /** What was recorded lately, for decides. */
  readonly recent = new Recent()
  private readonly transport: Transport
  private readonly map: MapFollower
  private readonly options: CompiledOptions
  private readonly counters: Counters
  private readonly producer = randomBytes(8).toString('base64url')
  private readonly publishers = new Map<number, Publisher>()
  private readonly slots = new Slots()
  private readonly held = new HeldRecords((records, error) => {
    for (const { size } of records) this.counters.queuedBytes -= size
    this.dropped(records.length, error)
  })
  private made = 0
  private lastAt = 0
  private isClosed = false

  constructor(
    transport: Transport,
    map: MapFollower,
    options: CompiledOptions,
    counters: Counters,
  ) {
    this.transport = transport
    this.map = map
    this.options = options
    this.counters = counters
    map.whenKnown(() => {
      for (const record of this.held.take()) this.publisherOf(record.key).add(record)
    })
  }

  /** Resolves with the record's position once it is durable. The promise may be ignored. */
  record(record: NewRecord, options: RecordOptions): Promise<Position> {
    try {
      const bytes = this.encode(record, options)
      this.admit(bytes.length)
      const sent = new SentRecord(record.key, bytes)
      if (this.map.isKnown) this.publisherOf(record.key).add(sent)
      else this.held.add(sent)
      return sent.promise
    } catch (thrown) {
      return this.refused(thrown)
    }
  }

  /** Counts a record that could not even be made, and lets the promise be ignored. */
  refused(thrown: unknown): Promise<never> {
    const error = toHalfsecondError(thrown, 'INVALID', 'cannot record')
    this.dropped(1, error)
    return ignorable(Promise.reject(error))
  }

  /** Positions of what was recorded last for these identifiers, here and elsewhere. */
  positionsOf(
    identifiers: readonly Identifier[],
    imported: readonly Position[],
  ): readonly Position[] {
    const own: Position[] = []
    for (const identifier of identifiers) {
      const position = this.recent.positionOf(identifier)
      if (position) own.push(position)
    }
    return newestPositions(imported, own, (shard) => this.map.incarnationOf(shard))
  }

  /** Never goes back, so that ids and times of one process sort alike. */
  now(): number {
    this.lastAt = Math.max(this.lastAt, Date.now())
    return this.lastAt
  }

  newId(): string {
    return `${this.producer}.${(++this.made).toString(36)}`
  }

  /**
   * Takes nothing more and waits until all is acknowledged, at most `timeoutMs`. What is left then
   * is tried once more, and fails with `CLOSED` where that does not succeed before long.
   */
  async close(timeoutMs: number): Promise<void> {
    this.isClosed = true
    await this.drained(timeoutMs)
    this.held.fail(new HalfsecondError('CLOSED', 'closed before any node answered: not stored'))
    for (const publisher of this.publishers.values()) publisher.close()
    await this.drained(lastTryMs)
  }

  private encode(record: NewRecord, options: RecordOptions): Uint8Array {
    if (this.isClosed) throw new HalfsecondError('CLOSED', 'the client is closed')
    const { channel } = this.options
    const full = {
      ...record,
      id: options.id ?? this.newId(),
      at: options.at ?? this.now(),
      ...(channel !== undefined && { channel }),
    }
    const fault = recordFault(full, this.map.namespaces)
    if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
    return encode(full)
  }

  private admit(bytes: number): void {
    if (bytes > bounds.recordBytes) {
      throw new HalfsecondError(
        'TOO_LARGE',
        `a record of ${bytes} bytes; at most ${bounds.recordBytes}`,
      )
    }
    const { queuedBytes } = this.counters
    if (queuedBytes + bytes > this.options.queueBytes) {
      throw new HalfsecondError(
        'QUEUE_FULL',
        `${queuedBytes} bytes wait to be acknowledged: the log is slower than this server, or away`,
      )
    }
    this.counters.queuedBytes += bytes
    this.counters.recorded++
  }

  /** Counts what was given up. */
  dropped(count: number, { code }: HalfsecondError): void {
    this.counters.dropped[code] = (this.counters.dropped[code] ?? 0) + count
  }

  /** The queue of the key's home shard. Only once a map is known. */
  private publisherOf(key: Identifier): Publisher {
    const shard = this.map.shardOf(key)
    let publisher = this.publishers.get(shard)
    if (publisher === undefined) {
      const { transport, recent, counters, slots, producer } = this
      publisher = new Publisher(shard, {
        producer,
        incarnation: () => this.map.incarnationOf(shard),
        transport,
        recent,
        counters,
        slots,
        failed: (count, error) => this.dropped(count, error),
        settled: (bytes) => {
          this.counters.queuedBytes -= bytes
        },
        onProblem: this.options.onProblem,
      })
      this.publishers.set(shard, publisher)
    }
    return publisher
  }

  private async drained(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs
    while (this.counters.queuedBytes > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** Time for the attempt that `close` wakes. */
const lastTryMs = 250
