import {
  decodeBatch,
  type Identifier,
  isChannelRecord,
  type Namespaces,
} from '@halfsecond/protocol'
import { type FragmentRecord, isFragmentRecord } from '../../core/fragment/evolve.ts'
import { numberOf } from '../../core/shard/fold.ts'
import type { ShardState } from '../../core/shard/shard-state.ts'

/**
 * The records of pending batches that are about `key` and that the fold has not seen, in order.
 * Records that no rule accepts are left out: the log will refuse them too.
 * @throws HalfsecondError `MALFORMED`, `TOO_LARGE` or `INVALID` for bytes that are no batch
 */
export function readPending(
  batches: readonly Uint8Array[],
  key: Identifier,
  state: ShardState,
  namespaces: Namespaces,
): readonly FragmentRecord[] {
  if (batches.length === 0) return none
  const pending: FragmentRecord[] = []
  for (const bytes of batches) {
    const { producer, n, records } = decodeBatch(bytes)
    const last = state.producers.last(producer, state.time.now)
    let number = n - 1
    for (const record of records) {
      number = numberOf(record, number)
      if (number <= last || !isChannelRecord(record, namespaces)) continue
      if (record.key === key && isFragmentRecord(record)) pending.push(record)
    }
  }
  return pending
}

const none: readonly FragmentRecord[] = []
