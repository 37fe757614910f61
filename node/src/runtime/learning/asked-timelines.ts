import {
  decode,
  encode,
  type FragmentId,
  HalfsecondError,
  isFragmentId,
} from '@halfsecond/protocol'

/** What is asked of whoever holds a shard: what fragments there were at times of the past. */
export interface TimelinesRead {
  readonly what: 'timelines'
  readonly shard: number
  /** As `encodeAskedTimelines` gives it. */
  readonly asked: Uint8Array
}

export interface AskedTimeline {
  readonly id: FragmentId
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Asked about at once: answers of 4 MB where all have long timelines, a tenth of that mostly. */
export const askedTimelinesMax = 128

/** Names are some 260 bytes at the most. */
const limits = { frameBytes: 64 * 1024, depth: 1, elementsPerItem: 2 * askedTimelinesMax }

export function encodeAskedTimelines(asked: readonly AskedTimeline[]): Uint8Array {
  return encode(asked.flatMap(({ id, at }) => [id, at]))
}

/** @throws HalfsecondError `INVALID`, or as `decode` does */
export function askedTimelinesIn(bytes: Uint8Array): AskedTimeline[] {
  const flat = decode(bytes, limits)
  if (!Array.isArray(flat) || flat.length % 2 !== 0) throw invalid()
  const asked: AskedTimeline[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [id, at]: unknown[] = flat.slice(i, i + 2)
    if (!isFragmentId(id) || typeof at !== 'number') throw invalid()
    asked.push({ id, at })
  }
  return asked
}

function invalid(): HalfsecondError {
  return new HalfsecondError('INVALID', 'no fragments whose past is asked for')
}
