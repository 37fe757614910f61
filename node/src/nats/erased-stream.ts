import { hash } from 'node:crypto'
import { toHalfsecondError } from '@halfsecond/protocol'
import {
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  StorageType,
} from '@nats-io/jetstream'
import { encodeTombstone, readTombstone } from '../runtime/erase/tombstone-row.ts'
import type { Erased, Tombstone } from '../runtime/ports.ts'
import type { Nats } from './connection.ts'
import { ensureStream } from './ensure-stream.ts'

const stream = 'HS-ERASED'

/** A tombstone takes about 250 bytes on disk: half a million of them. */
const streamBytes = 128 * 1024 ** 2

/** Tombstones read with one request. */
const readAtOnce = 1_000

/** How long a request for more waits, where some were removed meanwhile. */
const readMs = 5_000

/** What was erased, in a stream with one message for each: the last one counts. */
export class ErasedStream implements Erased {
  private readonly manager: JetStreamManager
  private readonly client: JetStreamClient

  private constructor(manager: JetStreamManager, client: JetStreamClient) {
    this.manager = manager
    this.client = client
  }

  /** Opens the stream, and makes it where it does not exist. */
  static async open(nats: Nats, replicas: number): Promise<ErasedStream> {
    try {
      const manager = await jetstreamManager(nats.connection, { checkAPI: false })
      await ensureStream(manager, {
        name: stream,
        subjects: ['hs.erased.*'],
        storage: StorageType.File,
        num_replicas: replicas,
        discard: DiscardPolicy.New,
        max_msgs_per_subject: 1,
        max_bytes: streamBytes,
        deny_delete: true,
        deny_purge: true,
      })
      return new ErasedStream(manager, jetstream(nats.connection))
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot open ${stream}`)
    }
  }

  async put(stone: Tombstone): Promise<void> {
    try {
      await this.client.publish(subjectOf(stone.key, stone.eraseId), encodeTombstone(stone))
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot write to ${stream}`)
    }
  }

  async get(key: string, eraseId: string): Promise<Tombstone | undefined> {
    try {
      const subject = subjectOf(key, eraseId)
      const message = await this.manager.streams.getMessage(stream, { last_by_subj: subject })
      return message === null ? undefined : readTombstone(message.data)
    } catch (error) {
      if (error instanceof JetStreamApiError && error.status === 404) return undefined
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot read ${stream}`)
    }
  }

  async *since(time: number): AsyncGenerator<Tombstone> {
    try {
      const { state } = await this.manager.streams.info(stream)
      if (state.messages === 0 || Date.parse(state.last_ts) < time) return
      const consumer = await this.client.consumers.get(stream, {
        deliver_policy: DeliverPolicy.StartTime,
        opt_start_time: new Date(time).toISOString(),
      })
      let last = 0
      while (last < state.last_seq) {
        const messages = await consumer.fetch({ max_messages: readAtOnce, expires: readMs })
        const before = last
        for await (const { data, seq, info } of messages) {
          last = info.pending === 0 ? Math.max(seq, state.last_seq) : seq
          const stone = readTombstone(data)
          if (stone !== undefined) yield stone
          if (last >= state.last_seq) break
        }
        if (last === before) return
      }
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot read ${stream}`)
    }
  }
}

/** Of hashes: no user text becomes a subject. */
function subjectOf(key: string, eraseId: string): string {
  return `hs.erased.${hash('sha256', `${key} ${eraseId}`, 'hex').slice(0, 32)}`
}
