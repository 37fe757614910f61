import { bounds, HalfsecondError, subjects, toHalfsecondError } from '@halfsecond/protocol'
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream'
import type { Nats } from './connection.ts'

/** Where the number of shards is written down, in the metadata of every stream. */
const shardsKey = 'halfsecond.shards'

/** One log is never larger: purging, snapshots and recovery take time by its size. */
const streamBytesMax = 2 * 1024 ** 3

/** A log smaller than this fills up within minutes of a busy day: better to say so than to start. */
const streamBytesMin = 16 * 1024 ** 2

/** JetStream's code of a stream that exists with another configuration. */
const alreadyMade = 10058

/** JetStream's codes for "not so much storage": of the server, of the account. */
const noStorage: ReadonlySet<number> = new Set([10047, 10028, 10002, 10023])

export interface StreamOptions {
  /** A power of two; fixed when the streams are first made. */
  readonly shards: number
  /** Copies of each log: 3 in production, 1 in development. */
  readonly replicas: number
  /** Bytes of file storage that all logs together may take; less where the server grants less. */
  readonly storageBytes: number
}

/**
 * Makes the streams that do not exist yet. Safe to run by many nodes at once.
 * @returns bytes that each log may take
 * @throws HalfsecondError `INVALID` where the cluster has another number of shards, `UNAVAILABLE`
 *   where JetStream cannot be reached or is not enabled
 */
export async function provisionStreams(nats: Nats, options: StreamOptions): Promise<number> {
  const { shards, replicas, storageBytes } = options
  const share = Math.floor((storageBytes * 0.7) / shards)
  let maxBytes = Math.min(streamBytesMax, Math.max(streamBytesMin, share))
  const manager = await managerOf(nats)
  const fixed = await madeFor(manager)
  if (fixed !== undefined && fixed !== shards) {
    throw new HalfsecondError(
      'INVALID',
      `the cluster was made with ${fixed} shards and their number never changes: set HALFSECOND_SHARDS=${fixed}`,
    )
  }
  const names = new Set<string>()
  for await (const name of manager.streams.names('hs.log.*')) names.add(name)
  const made: number[] = []
  for (let shard = 0; shard < shards; shard++) {
    if (names.has(subjects.stream(shard))) continue
    while (!(await addStream(manager, shard, shards, replicas, maxBytes))) {
      maxBytes >>= 1
      for (const one of made) await shrinkStream(manager, one, maxBytes)
    }
    made.push(shard)
  }
  return maxBytes
}

/** The server reserves what a stream may take: all have to make room for the others. */
async function shrinkStream(
  manager: JetStreamManager,
  shard: number,
  maxBytes: number,
): Promise<void> {
  try {
    await manager.streams.update(subjects.stream(shard), { max_bytes: maxBytes })
  } catch (error) {
    throw toHalfsecondError(error, 'UNAVAILABLE', `cannot shrink ${subjects.stream(shard)}`)
  }
}

async function managerOf(nats: Nats): Promise<JetStreamManager> {
  try {
    const manager = await jetstreamManager(nats.connection, { checkAPI: false })
    await manager.getAccountInfo()
    return manager
  } catch (error) {
    throw toHalfsecondError(
      error,
      'UNAVAILABLE',
      'JetStream does not answer: start nats-server with -js, or see deploy/nats-server',
    )
  }
}

async function madeFor(manager: JetStreamManager): Promise<number | undefined> {
  try {
    const info = await manager.streams.info(subjects.stream(0))
    return Number(info.config.metadata?.[shardsKey])
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return undefined
    throw toHalfsecondError(error, 'UNAVAILABLE', 'cannot read the streams')
  }
}

/**
 * Adding a stream that exists with the same configuration does nothing.
 * @returns false where the server does not grant so many bytes
 */
async function addStream(
  manager: JetStreamManager,
  shard: number,
  shards: number,
  replicas: number,
  maxBytes: number,
): Promise<boolean> {
  try {
    await manager.streams.add({
      name: subjects.stream(shard),
      subjects: [subjects.log(shard), subjects.own(shard)],
      storage: StorageType.File,
      num_replicas: replicas,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      max_bytes: maxBytes,
      max_age: 0,
      max_msg_size: bounds.frameBytes,
      deny_delete: true,
      allow_direct: true,
      metadata: { [shardsKey]: String(shards) },
    })
    return true
  } catch (error) {
    // Another node that starts too was first, and reckoned with a little more or less space.
    if (error instanceof JetStreamApiError && error.code === alreadyMade) return true
    const isTooMuch = error instanceof JetStreamApiError && noStorage.has(error.code)
    if (isTooMuch && maxBytes > streamBytesMin) return false
    throw toHalfsecondError(error, 'UNAVAILABLE', `cannot create ${subjects.stream(shard)}`)
  }
}
