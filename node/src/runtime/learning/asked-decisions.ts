import {
  decode,
  encode,
  HalfsecondError,
  type Identifier,
  identifierIn,
  isFragmentId,
} from '@halfsecond/protocol'

/** What is asked of whoever holds a shard: what became of decisions about keys that are at home there. */
export interface OutcomesRead {
  readonly what: 'outcomes'
  readonly shard: number
  /** As `encodeAsked` gives it. */
  readonly asked: Uint8Array
}

export interface AskedDecision {
  readonly key: Identifier
  /** When it was decided, in milliseconds since 1970. */
  readonly at: number
  readonly decision: string
}

/** Decisions asked about at once: an answer of a second at most, where timelines are long. */
export const askedMax = 512

/** Keys are 256 bytes at the most, and most of them far shorter. */
const limits = { frameBytes: 256 * 1024, depth: 1, elementsPerItem: 3 * askedMax }

export function encodeAsked(asked: readonly AskedDecision[]): Uint8Array {
  return encode(asked.flatMap(({ key, at, decision }) => [key, at, decision]))
}

/** @throws HalfsecondError `INVALID`, or as `decode` does */
export function askedIn(bytes: Uint8Array): AskedDecision[] {
  const flat = decode(bytes, limits)
  if (!Array.isArray(flat) || flat.length % 3 !== 0) throw invalid()
  const asked: AskedDecision[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [key, at, decision]: unknown[] = flat.slice(i, i + 3)
    // Of a namespace that is configured no more, too: what was decided then stays in the log.
    if (!isFragmentId(key) || typeof at !== 'number' || typeof decision !== 'string')
      throw invalid()
    asked.push({ key: identifierIn(key), at, decision })
  }
  return asked
}

function invalid(): HalfsecondError {
  return new HalfsecondError('INVALID', 'no decisions that outcomes are asked for')
}
