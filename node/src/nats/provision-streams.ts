import { setTimeout } from 'node:timers/promises'
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
import { decisionBytesMin } from './jetstream-decisions.ts'
import { modelBytesMin } from './jetstream-models.ts'
import { signalBytesMax } from './jetstream-signals.ts'
import { isAlreadyMade, isTooMuch } from './stream-errors.ts'

/** Where the number of shards is written down, in the metadata of every stream. */
const shardsKey = 'halfsecond.shards'

/** One log is never larger: purging, snapshots and recovery take time by its size. */
const streamBytesMax = 2 * 1024 ** 3

/** A log smaller than this fills up within minutes of a busy day: better to say so than to start. */
const streamBytesMin = 16 * 1024 ** 2

/** A stream that is made for a moment, to learn how much room there is. */
const trialStream = 'HS-ROOM'

/** What playbooks, tombstones, signals, decisions, models and the cluster's own values may take beside the logs. */
const othersBytes = 1024 ** 3 + 192 * 1024 ** 2 + signalBytesMax + decisionBytesMin + modelBytesMin

/** How often, and how many times, to try what there is room for by the servers' own word. */
const roomRetryMs = 500
const roomAttempts = 40

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
  const wanted = Math.min(streamBytesMax, Math.max(streamBytesMin, share))
  const manager = await managerOf(nats)
  const fixed = await madeFor(manager)
  if (fixed !== undefined && fixed !== shards) {
    throw new HalfsecondError(
      'INVALID',
      `the cluster was made with ${fixed} shards and their number never changes: set HALFSECOND_SHARDS=${fixed}`,
    )
  }
  const existing = new Map<string, number>()
  for await (const { config } of manager.streams.list('hs.log.*'))
    existing.set(config.name, config.max_bytes)
  const maxBytes =
    existing.size > 0
      ? Math.min(...existing.values())
      : await grantedBytes(manager, shards, replicas, wanted)
  for (let shard = 0; shard < shards; shard++) {
    if (!existing.has(subjects.stream(shard)))
      await addStream(manager, shard, shards, replicas, maxBytes)
  }
  return maxBytes
}

/**
 * How much each log may take, at most `wanted`: half of it, or a half of that, where the servers do
 * not have so much. They reserve what a stream may take, so one stream is made that may take all of
 * it, and removed again.
 */
async function grantedBytes(
  manager: JetStreamManager,
  shards: number,
  replicas: number,
  wanted: number,
): Promise<number> {
  for (let bytes = wanted; ; bytes = Math.max(streamBytesMin, Math.floor(bytes / 2))) {
    try {
      await manager.streams.add({
        name: trialStream,
        storage: StorageType.File,
        num_replicas: replicas,
        max_bytes: shards * bytes + othersBytes,
      })
    } catch (error) {
      if (bytes > streamBytesMin && isTooMuch(error)) continue
      // Of another node that starts too, or that ended before it could remove it.
      if (isAlreadyMade(error)) await removeTrial(manager)
      throw toHalfsecondError(error, 'UNAVAILABLE', `no room for ${shards} logs of ${bytes} bytes`)
    }
    await removeTrial(manager)
    return bytes
  }
}

async function removeTrial(manager: JetStreamManager): Promise<void> {
  try {
    await manager.streams.delete(trialStream)
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return
    throw toHalfsecondError(error, 'UNAVAILABLE', `cannot remove ${trialStream}`)
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

/** Adding a stream that exists with the same configuration does nothing. */
async function addStream(
  manager: JetStreamManager,
  shard: number,
  shards: number,
  replicas: number,
  maxBytes: number,
): Promise<void> {
  const config = {
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
  }
  for (let attempt = 1; ; attempt++) {
    try {
      await manager.streams.add(config)
      return
    } catch (error) {
      // Another node that starts too was first, and reckoned with a little more or less space.
      if (isAlreadyMade(error)) return
      // Servers tell each other now and then how much room they have: the trial may still count.
      if (!isTooMuch(error) || attempt === roomAttempts)
        throw toHalfsecondError(error, 'UNAVAILABLE', `cannot create ${config.name}`)
      await setTimeout(roomRetryMs)
    }
  }
}
