import { HalfsecondError } from '@halfsecond/protocol'
import type { Msg } from '@nats-io/transport-node'
import type { Clock, LogEntry } from '../runtime/ports.ts'
import type { Nats } from './connection.ts'

/*
 * Entries by their sequence. Any server that has the stream answers, so they need no leader; but
 * the one that answers may be behind the others.
 * Reference: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-31.md
 */

const singleMs = 5_000

/** A batch comes at once or from a server that is gone. */
const batchMs = 500

/** Bounds of one batch: what may wait for the fold, per shard. */
const batchEntries = 256
const batchBytes = 4 * 1024 ** 2

/** One stored entry; undefined where the server that answers does not have it. */
export async function storedEntry(
  nats: Nats,
  stream: string,
  sequence: number,
): Promise<LogEntry | undefined> {
  const stored = await storedMessage(nats, stream, { seq: sequence })
  return stored && entryOf(stored)
}

/** Which message of a stream: by its sequence, or the last of a subject. */
export type OneMessage = { readonly seq: number } | { readonly last_by_subj: string }

/** As `storedEntry`, of any stream. */
export async function storedMessage(
  nats: Nats,
  stream: string,
  which: OneMessage,
): Promise<StoredMessage | undefined> {
  const reply = await nats.request(subjectOf(stream), JSON.stringify(which), singleMs)
  return reply.headers?.code === 404 ? undefined : storedIn(reply)
}

/**
 * The entries from `first` on, as many as make a batch: none, or fewer than there are, where the
 * server that answers is behind. What was trimmed is left out.
 */
export async function storedEntries(
  nats: Nats,
  clock: Clock,
  stream: string,
  first: number,
  inbox: string,
): Promise<readonly LogEntry[]> {
  const messages = await storedMessages(nats, clock, stream, { seq: first }, inbox)
  return messages.map(entryOf)
}

/** Where a batch begins, and of which subject its messages are; undefined: of any. */
export type BatchStart = (
  | { readonly seq: number }
  /** RFC 3339. */
  | { readonly start_time: string }
) & { readonly next_by_subj?: string }

/** A message as a stream keeps it. */
export interface StoredMessage {
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly subject: string
  readonly bytes: Uint8Array
}

/** As `storedEntries`, of any stream. */
export function storedMessages(
  nats: Nats,
  clock: Clock,
  stream: string,
  start: BatchStart,
  inbox: string,
): Promise<readonly StoredMessage[]> {
  // The library would keep the question until the connection is back.
  if (!nats.isUp) return Promise.reject(new HalfsecondError('UNAVAILABLE', 'no connection to NATS'))
  return new Promise((resolve) => {
    const messages: StoredMessage[] = []
    const end = () => {
      timer.cancel()
      subscription.unsubscribe()
      resolve(messages)
    }
    const timer = clock.after(batchMs, end)
    const subscription = nats.listen(inbox, (message) => {
      const code = message.headers?.code ?? 0
      // Any status ends a batch: its end, no such entry, nobody who has the stream.
      if (code === 0) messages.push(storedIn(message))
      else end()
    })
    const batch = { ...start, batch: batchEntries, max_bytes: batchBytes }
    nats.publish(subjectOf(stream), JSON.stringify(batch), inbox)
  })
}

function subjectOf(stream: string): string {
  return `$JS.API.DIRECT.GET.${stream}`
}

/** @throws HalfsecondError `UNAVAILABLE` where it is no entry but something else that the server says */
function storedIn({ headers, data }: Msg): StoredMessage {
  const time = headers?.get('Nats-Time-Stamp') ?? ''
  if (time === '') {
    throw new HalfsecondError(
      'UNAVAILABLE',
      `the server has no entry, but says: ${headers?.code} ${headers?.description}`,
    )
  }
  return {
    sequence: Number(headers?.get('Nats-Sequence')),
    timestamp: Date.parse(time),
    subject: headers?.get('Nats-Subject') ?? '',
    bytes: data,
  }
}

function entryOf({ sequence, timestamp, subject, bytes }: StoredMessage): LogEntry {
  return { sequence, timestamp, own: subject.startsWith('hs.own.'), bytes }
}
