import { HalfsecondError, parsePublishAck, subjects, toHalfsecondError } from '@halfsecond/protocol'
import { DiscardPolicy, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import { entriesIn, framesOf } from '../runtime/decisions/entry-frame.ts'
import type { Clock, Decisions } from '../runtime/ports.ts'
import { type Nats, nodeInbox } from './connection.ts'
import { type BatchStart, type StoredMessage, storedMessages } from './direct-gets.ts'
import { ensureLargestStream } from './ensure-stream.ts'
import { eraseMessage } from './stream-api.ts'

/** An acknowledgement that takes longer is lost: what was decided may be logged twice. */
const publishMs = 5_000

const hourMs = 3_600_000
const keptMs = 30 * 24 * hourMs

/** Where decisions are many, bytes end what is kept before age does: about ten million of them. */
const decisionBytesMax = 4 * 1024 ** 3

/** About a hundred thousand: less says too little of yesterday. */
export const decisionBytesMin = 32 * 1024 ** 2

/** Of the storage that nodes reckon with; logs take most of it. */
const storageShare = 0.1

export interface DecisionStreamOptions {
  readonly replicas: number
  /** Bytes of file storage that logs and decisions together may take. */
  readonly storageBytes: number
}

/**
 * Decisions in one stream. A message holds a frame of entries, and cannot be changed: where some of
 * them are removed, the others are written again under the hour of the message, and the message is
 * overwritten on disk. They keep the age that they had.
 */
export class JetStreamDecisions implements Decisions {
  private readonly nats: Nats
  private readonly clock: Clock
  private readonly random: () => number

  private constructor(nats: Nats, clock: Clock, random: () => number) {
    this.nats = nats
    this.clock = clock
    this.random = random
  }

  /** Makes the stream where it does not exist, as large as there is room for. */
  static async open(
    nats: Nats,
    { replicas, storageBytes }: DecisionStreamOptions,
    clock: Clock,
    random: () => number,
  ): Promise<JetStreamDecisions> {
    const manager = await jetstreamManager(nats.connection, { checkAPI: false })
    const most = Math.min(decisionBytesMax, storageBytes * storageShare)
    try {
      await ensureLargestStream(
        manager,
        {
          name: subjects.decisionStream,
          subjects: [subjects.decisions],
          storage: StorageType.File,
          num_replicas: replicas,
          discard: DiscardPolicy.Old,
          max_age: keptMs * 1e6,
          allow_direct: true,
          allow_msg_ttl: true,
        },
        { most, least: decisionBytesMin },
      )
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot open ${subjects.decisionStream}`)
    }
    return new JetStreamDecisions(nats, clock, random)
  }

  async append(partition: number, entries: readonly Uint8Array[]): Promise<void> {
    for (const frame of framesOf(entries)) {
      const reply = await this.nats.request(subjects.decision(partition), frame, publishMs)
      parsePublishAck(reply.string())
    }
  }

  async *find(partition: number, from: number, to: number): AsyncGenerator<Uint8Array> {
    const subject = subjects.decision(partition)
    const start_time = new Date(Math.max(0, from)).toISOString()
    for await (const { timestamp, bytes } of this.messages({ start_time, next_by_subj: subject })) {
      if (timestamp > to) break
      yield* entriesIn(bytes)
    }
    for (let hour = hourOf(from); hour <= hourOf(to); hour++) {
      const next_by_subj = subjects.decisionLeft(partition, hour)
      for await (const { bytes } of this.messages({ seq: 1, next_by_subj })) yield* entriesIn(bytes)
    }
  }

  async remove(isGone: (entry: Uint8Array) => boolean): Promise<number> {
    let count = 0
    for await (const message of this.messages({ seq: 1 })) {
      const entries = entriesIn(message.bytes)
      const kept = entries.filter((entry) => !isGone(entry))
      if (kept.length === entries.length) continue
      if (kept.length > 0) await this.keep(message, kept)
      await eraseMessage(this.nats, subjects.decisionStream, message.sequence)
      count += entries.length - kept.length
    }
    return count
  }

  private async keep(
    { subject, timestamp }: StoredMessage,
    entries: readonly Uint8Array[],
  ): Promise<void> {
    const { partition, hour } = placeOf(subject, timestamp)
    const leftMs = (hour + 1) * hourMs + keptMs - this.clock.now()
    if (leftMs <= 0) return
    const about = headers()
    about.set('Nats-TTL', `${Math.ceil(leftMs / 1_000)}s`)
    for (const frame of framesOf(entries)) {
      const left = subjects.decisionLeft(partition, hour)
      const reply = await this.nats.request(left, frame, publishMs, about)
      parsePublishAck(reply.string())
    }
  }

  /** All messages from a start on that are there now. */
  private async *messages(start: BatchStart): AsyncGenerator<StoredMessage> {
    const { nats, clock } = this
    const { next_by_subj } = start
    for (let next = start; ; ) {
      const inbox = `${nodeInbox}.hs-${Math.floor(this.random() * 2 ** 48).toString(36)}`
      const stored = await storedMessages(nats, clock, subjects.decisionStream, next, inbox)
      yield* stored
      const last = stored.at(-1)
      if (last === undefined) return
      next = { seq: last.sequence + 1, ...(next_by_subj !== undefined && { next_by_subj }) }
    }
  }
}

function hourOf(time: number): number {
  return Math.floor(time / hourMs)
}

/** Of whatever is left of a message, the hour of the message. */
function placeOf(
  subject: string,
  timestamp: number,
): { readonly partition: number; readonly hour: number } {
  const [partition, hour] = subject.split('.').slice(2).map(Number)
  if (partition === undefined || Number.isNaN(partition))
    throw new HalfsecondError('UNAVAILABLE', `no decisions belong on ${subject}`)
  return { partition, hour: hour ?? hourOf(timestamp) }
}
