import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  StorageType,
} from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import { headers } from '@nats-io/transport-node'
import type { Coordination, Revised } from '../runtime/ports.ts'
import type { Nats } from './connection.ts'
import { ensureStream } from './ensure-stream.ts'
import { isLostRace } from './stream-errors.ts'

const bucket = 'HS-CLUSTER'
const blobStream = 'HS-PLAYBOOK'

/** A NATS message carries at most this much of a blob. */
const chunkBytes = 256 * 1024

const chunksHeader = 'Hs-Chunks'

/** Small values in a KV bucket, read from its leader; blobs in a stream, in chunks by content hash. */
export class KvCoordination implements Coordination {
  readonly isShared = true
  private readonly kv: KV
  private readonly manager: JetStreamManager
  private readonly client: JetStreamClient

  private constructor(kv: KV, manager: JetStreamManager, client: JetStreamClient) {
    this.kv = kv
    this.manager = manager
    this.client = client
  }

  /** Opens bucket and stream, and makes them where they do not exist. */
  static async open(nats: Nats, replicas: number): Promise<KvCoordination> {
    try {
      const manager = await jetstreamManager(nats.connection, { checkAPI: false })
      const kvm = new Kvm(nats.connection)
      const kv = await kvm.create(bucket, { history: 1, replicas, allow_direct: false })
      await ensureStream(manager, {
        name: blobStream,
        subjects: ['hs.playbook.>'],
        storage: StorageType.File,
        num_replicas: replicas,
        discard: DiscardPolicy.New,
        max_msgs_per_subject: 1,
        max_bytes: 1024 ** 3,
        deny_delete: true,
      })
      return new KvCoordination(kv, manager, jetstream(nats.connection))
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot open ${bucket} and ${blobStream}`)
    }
  }

  async get(key: string): Promise<Revised | undefined> {
    try {
      const entry = await this.kv.get(key)
      if (entry === null || entry.operation !== 'PUT') return undefined
      return { value: entry.value, revision: entry.revision }
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot read ${key}`)
    }
  }

  async compareAndSet(key: string, value: Uint8Array, revision: number): Promise<boolean> {
    try {
      if (revision === 0) await this.kv.create(key, value)
      else await this.kv.update(key, value, revision)
      return true
    } catch (error) {
      if (error instanceof JetStreamApiError && isLostRace(error.code)) return false
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot write ${key}`)
    }
  }

  async putBlob(hash: string, bytes: Uint8Array): Promise<void> {
    const chunks = Math.max(1, Math.ceil(bytes.length / chunkBytes))
    const about = headers()
    about.set(chunksHeader, String(chunks))
    try {
      for (let i = 0; i < chunks; i++) {
        const chunk = bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes)
        await this.client.publish(blobSubject(hash, i), chunk, { headers: about })
      }
    } catch (error) {
      // The same content is there already: its name says so.
      if (error instanceof JetStreamApiError && error.code === 10077 && (await this.blob(hash)))
        return
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot store blob ${hash}`)
    }
  }

  async blob(hash: string): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = []
    let chunks = 1
    for (let i = 0; i < chunks; i++) {
      const message = await this.chunk(hash, i)
      if (message === undefined) return undefined
      chunks = message.chunks
      parts.push(message.bytes)
    }
    return Buffer.concat(parts)
  }

  private async chunk(
    hash: string,
    index: number,
  ): Promise<{ chunks: number; bytes: Uint8Array } | undefined> {
    try {
      const subject = blobSubject(hash, index)
      const message = await this.manager.streams.getMessage(blobStream, {
        last_by_subj: subject,
      })
      if (message === null) return undefined
      return { chunks: Number(message.header.get(chunksHeader)), bytes: message.data }
    } catch (error) {
      if (error instanceof JetStreamApiError && error.status === 404) return undefined
      throw toHalfsecondError(error, 'UNAVAILABLE', `cannot read blob ${hash}`)
    }
  }
}

/** Hashes are ours, hexadecimal: no user text becomes a subject. */
function blobSubject(hash: string, index: number): string {
  if (!/^[0-9a-f]{1,64}$/.test(hash)) throw new HalfsecondError('INVALID', 'a hash is hexadecimal')
  return `hs.playbook.${hash}.${index}`
}
