import type { ErrorCode, Reason } from '@halfsecond/protocol'

/** What a client did since it was made. */
export interface Counters {
  /** Records accepted into the queue. */
  recorded: number
  /** Calls that recorded nothing, as the visitor may not be recognised, or is a bot. */
  unconsented: number
  /** Bytes of records that wait to be acknowledged now. */
  queuedBytes: number
  /** Records that the log acknowledged. */
  acknowledged: number
  /** Records that were given up, by code. */
  readonly dropped: { [code in ErrorCode]?: number }
  /** Batches that had to be sent again. */
  retries: number
  /** Decides, by reason of the answer. */
  readonly decided: { [reason in Reason]?: number }
  /** Questions that another replica was asked as well, as the first let them wait. */
  hedges: number
  /** Those of them that the other replica answered first. */
  hedgesWon: number
  /** How often the standbys of a shard came to be asked first, as its primary kept being late. */
  standbyFirst: number
}

export function initialCounters(): Counters {
  return {
    recorded: 0,
    unconsented: 0,
    queuedBytes: 0,
    acknowledged: 0,
    dropped: {},
    retries: 0,
    decided: {},
    hedges: 0,
    hedgesWon: 0,
    standbyFirst: 0,
  }
}
