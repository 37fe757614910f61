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
  const reply = await nats.request(subjectOf(stream), JSON.stringify({ seq: sequence }), singleMs)
  return reply.headers?.code === 404 ? undefined : storedIn(reply)
}

/**
 * The entries from `first` on, as many as make a batch: none, or fewer than there are, where the
 * server that answers is behind. What was trimmed is left out.
 */
export function storedEntries(
  nats: Nats,
  clock: Clock,
  stream: string,
  first: number,
  inbox: string,
): Promise<readonly LogEntry[]> {
  // The library would keep the question until the connection is back.
  if (!nats.isUp) return Promise.reject(new HalfsecondError('UNAVAILABLE', 'no connection to NATS'))
  return new Promise((resolve) => {
    const entries: LogEntry[] = []
    const end = () => {
      timer.cancel()
      subscription.unsubscribe()
      resolve(entries)
    }
    const timer = clock.after(batchMs, end)
    const subscription = nats.listen(inbox, (message) => {
      const code = message.headers?.code ?? 0
      // Any status ends a batch: its end, no such entry, nobody who has the stream.
      if (code === 0) entries.push(storedIn(message))
      else end()
    })
    const batch = { seq: first, batch: batchEntries, max_bytes: batchBytes }
    nats.publish(subjectOf(stream), JSON.stringify(batch), inbox)
  })
}

function subjectOf(stream: string): string {
  return `$JS.API.DIRECT.GET.${stream}`
}

/** @throws HalfsecondError `UNAVAILABLE` where it is no entry but something else that the server says */
function storedIn({ headers, data }: Msg): LogEntry {
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
    own: headers?.get('Nats-Subject').startsWith('hs.own.') === true,
    bytes: data,
  }
}
