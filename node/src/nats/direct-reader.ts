import { fingerprintOf } from '../core/shard/fold.ts'
import type { Clock, LogEntry } from '../runtime/ports.ts'
import type { Nats } from './connection.ts'
import { storedEntry } from './stream-api.ts'

/** How soon to look again where there is no further entry, or nobody answers. */
const lookAgainMs = 100

/** What the reader asks of the tail that it stands in for. */
export interface ReadTail {
  /** Whether the tail still has no consumer; else the reader ends. */
  readonly isWanted: () => boolean
  /** Sequence and fingerprint of the last entry that was passed on. */
  readonly cursor: () => { readonly applied: number; readonly fingerprint: string }
  readonly pass: (entry: LogEntry) => void
}

/**
 * Reads a stream entry by entry while it has no consumer. Making a consumer needs the leader of all
 * streams, whose election takes seconds; any server that has the stream answers a direct get.
 *
 * D1 entries are passed in order without gaps, as they come one number at a time.
 * D2 the entry passed last is compared before the first one is passed.
 * D3 it never says that the end is reached: the server that answers may itself be behind.
 */
export async function readDirectly(
  nats: Nats,
  clock: Clock,
  stream: string,
  tail: ReadTail,
): Promise<void> {
  let isSame = false
  while (tail.isWanted()) {
    const { applied, fingerprint } = tail.cursor()
    try {
      if (isSame) {
        const entry = await storedEntry(nats, stream, applied + 1)
        if (entry !== undefined && tail.isWanted()) {
          if (tail.cursor().applied === applied) tail.pass(entry)
          continue
        }
      } else {
        const entry = await storedEntry(nats, stream, applied)
        // Trimmed, lost or another one: only the checks of an attach can tell.
        if (entry !== undefined && fingerprintOf(entry) !== fingerprint) return
        isSame = entry !== undefined
        if (isSame) continue
      }
    } catch {
      // No server that has the stream can be reached now.
    }
    await new Promise<void>((resolve) => clock.after(lookAgainMs, resolve))
  }
}
