import { subjects, toHalfsecondError } from '@halfsecond/protocol'
import { DiscardPolicy, jetstreamManager, StorageType } from '@nats-io/jetstream'
import type { Clock, Signals, SignalText, StoredSignal } from '../runtime/ports.ts'
import { type Nats, nodeInbox } from './connection.ts'
import { storedEntries } from './direct-gets.ts'
import { ensureStream } from './ensure-stream.ts'
import { SignalPublisher } from './signal-publisher.ts'
import { eraseMessage } from './stream-api.ts'

/** Whoever was away for longer takes all profiles anew. */
const keptNanoseconds = 30 * 24 * 3_600 * 1e9

/** About a million signals. */
export const signalBytesMax = 256 * 1024 ** 2

/** What is published twice within this time is there once: a node is replaced in less. */
const duplicatesNanoseconds = 120 * 1e9

/** Signals that are looked at together when some of them are removed. */
const readAtOnce = 1_024

/** Signals in a stream of their own, which other systems may also consume directly. */
export class JetStreamSignals implements Signals {
  private readonly nats: Nats
  private readonly clock: Clock
  private readonly random: () => number
  private readonly publisher: SignalPublisher

  private constructor(nats: Nats, clock: Clock, random: () => number) {
    this.nats = nats
    this.clock = clock
    this.random = random
    this.publisher = new SignalPublisher(nats, clock, random)
  }

  /** Makes the stream where it does not exist. */
  static async open(
    nats: Nats,
    replicas: number,
    clock: Clock,
    random: () => number,
  ): Promise<JetStreamSignals> {
    try {
      const manager = await jetstreamManager(nats.connection, { checkAPI: false })
      await ensureStream(manager, {
        name: subjects.signalStream,
        subjects: [subjects.signals],
        storage: StorageType.File,
        num_replicas: replicas,
        discard: DiscardPolicy.Old,
        max_age: keptNanoseconds,
        max_bytes: signalBytesMax,
        duplicate_window: duplicatesNanoseconds,
        allow_direct: true,
        allow_atomic: true,
      })
      return new JetStreamSignals(nats, clock, random)
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot open ${subjects.signalStream}`)
    }
  }

  publish(shard: number, signals: readonly SignalText[]): Promise<void> {
    return this.publisher.publish(shard, signals)
  }

  async read(after: number, limit: number): Promise<readonly StoredSignal[]> {
    const { nats, clock } = this
    const read: StoredSignal[] = []
    let next = after + 1
    while (read.length < limit) {
      const inbox = `${nodeInbox}.hs-${Math.floor(this.random() * 2 ** 48).toString(36)}`
      const stored = await storedEntries(nats, clock, subjects.signalStream, next, inbox)
      if (stored.length === 0) break
      for (const { sequence, bytes } of stored) {
        read.push({ cursor: sequence, text: Buffer.from(bytes).toString() })
        next = sequence + 1
      }
    }
    return read.slice(0, limit)
  }

  /** The server overwrites each of them where it lies. */
  async remove(isGone: (text: string) => boolean): Promise<number> {
    let count = 0
    let after = 0
    for (;;) {
      const read = await this.read(after, readAtOnce)
      for (const { cursor, text } of read) {
        after = cursor
        if (!isGone(text)) continue
        await eraseMessage(this.nats, subjects.signalStream, cursor)
        count++
      }
      if (read.length === 0) return count
    }
  }
}
