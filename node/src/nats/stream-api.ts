import { fnv1a32, HalfsecondError, isFields } from '@halfsecond/protocol'
import type { LogExtent, LogUsage } from '../runtime/ports.ts'
import type { Nats } from './connection.ts'

/*
 * The few calls of the JetStream API that a tail needs, as plain requests: each has its own time
 * limit and fails at once when the connection does.
 * Reference: https://docs.nats.io/reference/reference-protocols/nats_api_reference
 */

/** The API answers from the meta or stream leader; an election takes several seconds. */
const apiTimeoutMs = 5_000

export interface ConsumerConfig {
  readonly name: string
  readonly startSequence: number
}

/** Extent and identity of a stream. `incarnation` is a hash of when it was created. */
export async function streamExtent(nats: Nats, stream: string): Promise<LogExtent> {
  const info = await call(nats, `$JS.API.STREAM.INFO.${stream}`, undefined)
  const { created, state } = info
  if (
    typeof created !== 'string' ||
    !isFields(state) ||
    typeof state.first_seq !== 'number' ||
    typeof state.last_seq !== 'number'
  ) {
    throw new HalfsecondError('UNAVAILABLE', `no extent in the info of ${stream}`)
  }
  // An empty stream says first 0 before its first entry, and last + 1 after a purge.
  const first = Math.max(state.first_seq, 1)
  return { incarnation: fnv1a32(created), first, last: state.last_seq }
}

/** How full a stream is; without a bound of its own it is never full. */
export async function streamUsage(nats: Nats, stream: string): Promise<LogUsage> {
  const { config, state } = await call(nats, `$JS.API.STREAM.INFO.${stream}`, undefined)
  const bytes = isFields(state) && typeof state.bytes === 'number' ? state.bytes : 0
  const max = isFields(config) && typeof config.max_bytes === 'number' ? config.max_bytes : -1
  return { bytes, bytesMax: max > 0 ? max : Number.POSITIVE_INFINITY }
}

/** Removes the entries before `first`, which stays. */
export async function purgeBefore(nats: Nats, stream: string, first: number): Promise<void> {
  await call(nats, `$JS.API.STREAM.PURGE.${stream}`, { seq: first })
}

/** Removes one message and overwrites it on disk. */
export async function eraseMessage(nats: Nats, stream: string, seq: number): Promise<void> {
  await call(nats, `$JS.API.STREAM.MSG.DELETE.${stream}`, { seq, no_erase: false })
}

/** An ephemeral pull consumer: no acks, no disk, gone 30 s after its last pull. */
export async function createConsumer(
  nats: Nats,
  stream: string,
  { name, startSequence }: ConsumerConfig,
): Promise<void> {
  await call(nats, `$JS.API.CONSUMER.CREATE.${stream}.${name}`, {
    stream_name: stream,
    config: {
      name,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: startSequence,
      ack_policy: 'none',
      replay_policy: 'instant',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 30_000_000_000,
    },
  })
}

export async function deleteConsumer(nats: Nats, stream: string, name: string): Promise<void> {
  await call(nats, `$JS.API.CONSUMER.DELETE.${stream}.${name}`, undefined)
}

/** Asks for the next messages; they come to `inbox`, with a heartbeat while there are none. */
export function pull(
  nats: Nats,
  stream: string,
  consumer: string,
  inbox: string,
  messages: number,
  expiresMs: number,
  heartbeatMs: number,
): void {
  const request = {
    batch: messages,
    expires: expiresMs * 1_000_000,
    idle_heartbeat: heartbeatMs * 1_000_000,
  }
  nats.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), inbox)
}

/** What the reply subject of a delivered message says of it. */
export interface Delivered {
  readonly sequence: number
  /** Milliseconds since 1970, from the server's nanoseconds. */
  readonly timestamp: number
  /** Messages that the consumer has still to deliver. */
  readonly pending: number
}

/**
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>`, with
 * domain and account before the stream and a random token at the end from version 2 on.
 */
export function parseDelivered(reply: string): Delivered {
  const tokens = reply.split('.')
  const at = tokens.length === 9 ? 2 : 4
  const time = tokens[at + 5] ?? ''
  return {
    sequence: Number(tokens[at + 3]),
    timestamp: Number(time.slice(0, -6)),
    pending: Number(tokens[at + 6]),
  }
}

type Fields = { readonly [name: string]: unknown }

async function call(nats: Nats, subject: string, body: unknown): Promise<Fields> {
  const payload = body === undefined ? '' : JSON.stringify(body)
  const reply = await nats.request(subject, payload, apiTimeoutMs)
  const answer: unknown = JSON.parse(reply.string())
  if (!isFields(answer)) throw new HalfsecondError('UNAVAILABLE', `no answer from ${subject}`)
  if (isFields(answer.error)) {
    throw new HalfsecondError(
      'UNAVAILABLE',
      `${subject}: ${String(answer.error.description)} (${String(answer.error.err_code)})`,
    )
  }
  return answer
}
