import { fingerprintOf } from './fold.ts'
import type { LogEntry, ShardState } from './shard-state.ts'

/** What a log says of itself before a replica follows it. */
export interface LogExtent {
  readonly incarnation: number
  /** Sequence of the oldest entry; last + 1 where the log is empty. */
  readonly first: number
  /** Sequence of the newest entry; 0 where there never was one. */
  readonly last: number
}

/**
 * Why a replica must not follow this log from where it is. Servers skip silently below the head,
 * above the tail and across re-creation, so every attach is checked.
 *
 * `TRIM_GAP` entries that the replica lacks were trimmed: it starts again from a snapshot.
 * `AHEAD` the log lost entries that the replica has. `DIVERGED` it holds others in their place.
 * `RECREATED` it is another stream. The last three are for a human: nothing is skipped.
 */
export type Discontinuity = 'TRIM_GAP' | 'AHEAD' | 'DIVERGED' | 'RECREATED'

export type Cursor = Pick<ShardState, 'incarnation' | 'applied' | 'fingerprint'>

/**
 * @param applied the log's entry at the cursor; undefined where it was trimmed
 */
export function discontinuity(
  cursor: Cursor,
  extent: LogExtent,
  applied: Pick<LogEntry, 'bytes' | 'timestamp'> | undefined,
): Discontinuity | undefined {
  if (extent.incarnation !== cursor.incarnation) return 'RECREATED'
  if (extent.last < cursor.applied) return 'AHEAD'
  if (extent.first > cursor.applied + 1) return 'TRIM_GAP'
  if (applied !== undefined && fingerprintOf(applied) !== cursor.fingerprint) return 'DIVERGED'
  return undefined
}
