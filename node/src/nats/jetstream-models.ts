import { isFields, parsePublishAck, subjects, toHalfsecondError } from '@halfsecond/protocol'
import { DiscardPolicy, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import type { Models, StoredModel } from '../runtime/ports.ts'
import type { Nats } from './connection.ts'
import { type OneMessage, type StoredMessage, storedMessage } from './direct-gets.ts'
import { ensureLargestStream } from './ensure-stream.ts'
import { isLostRace } from './stream-errors.ts'

const publishMs = 5_000

const keptNanoseconds = 30 * 24 * 3_600 * 1e9

/** Some 70,000 versions of fifty arms: a week of one every ten seconds; of the largest 1,500. */
const modelBytesMax = 1024 ** 3

/** Of the largest versions two dozen: nodes need one. */
export const modelBytesMin = 16 * 1024 ** 2

/** Of the storage that nodes reckon with. */
const storageShare = 0.02

export interface ModelStreamOptions {
  readonly replicas: number
  /** Bytes of file storage that logs and all else together may take. */
  readonly storageBytes: number
}

/** Versions in a stream of their own, whose sequences are their numbers: nobody can take one twice. */
export class JetStreamModels implements Models {
  private readonly nats: Nats

  private constructor(nats: Nats) {
    this.nats = nats
  }

  /** Makes the stream where it does not exist, as large as there is room for. */
  static async open(
    nats: Nats,
    { replicas, storageBytes }: ModelStreamOptions,
  ): Promise<JetStreamModels> {
    const manager = await jetstreamManager(nats.connection, { checkAPI: false })
    const most = Math.min(modelBytesMax, storageBytes * storageShare)
    try {
      await ensureLargestStream(
        manager,
        {
          name: subjects.modelStream,
          subjects: [subjects.model],
          storage: StorageType.File,
          num_replicas: replicas,
          discard: DiscardPolicy.Old,
          max_age: keptNanoseconds,
          allow_direct: true,
        },
        { most, least: modelBytesMin },
      )
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot open ${subjects.modelStream}`)
    }
    return new JetStreamModels(nats)
  }

  async publish(version: number, bytes: Uint8Array): Promise<boolean> {
    const about = headers()
    about.set('Nats-Expected-Last-Sequence', String(version - 1))
    const reply = await this.nats.request(subjects.model, bytes, publishMs, about)
    const text = reply.string()
    if (isConflict(text)) return false
    parsePublishAck(text)
    return true
  }

  newest(): Promise<StoredModel | undefined> {
    return this.get({ last_by_subj: subjects.model })
  }

  at(version: number): Promise<StoredModel | undefined> {
    return version < 1 ? Promise.resolve(undefined) : this.get({ seq: version })
  }

  /** A publication is heard by others too, before it is stored, or though it is refused then. */
  watch(told: () => void): { close(): void } {
    const subscription = this.nats.listen(subjects.model, () => told())
    return { close: () => subscription.unsubscribe() }
  }

  private async get(which: OneMessage): Promise<StoredModel | undefined> {
    const stored = await storedMessage(this.nats, subjects.modelStream, which)
    return stored && modelOf(stored)
  }
}

function modelOf({ sequence, timestamp, bytes }: StoredMessage): StoredModel {
  return { version: sequence, publishedAt: timestamp, bytes }
}

function isConflict(text: string): boolean {
  try {
    const answer: unknown = JSON.parse(text)
    return isFields(answer) && isFields(answer.error) && isLostRace(answer.error.err_code)
  } catch {
    return false
  }
}
