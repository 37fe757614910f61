import {
  decodeBatch,
  HalfsecondError,
  type Namespaces,
  recordFault,
  shardOf,
  sizeFault,
} from '@halfsecond/protocol'

/**
 * A channel's batch before it is appended: what the fold would refuse is refused here.
 * @throws HalfsecondError `MALFORMED`, `TOO_LARGE` or `INVALID`
 */
export function checkBatch(
  shard: number,
  shards: number,
  batch: Uint8Array,
  namespaces: Namespaces,
): void {
  if (!(Number.isInteger(shard) && shard >= 0 && shard < shards))
    throw new HalfsecondError('INVALID', `a shard is a number from 0 to ${shards - 1}`)
  const decoded = decodeBatch(batch)
  decoded.records.forEach((record, index) => {
    const size = sizeFault(decoded, index)
    if (size !== undefined) throw new HalfsecondError('TOO_LARGE', size)
    const fault = recordFault(record, namespaces)
    if (fault !== undefined) throw new HalfsecondError('INVALID', `record ${index}: ${fault}`)
    if (!isKeyOf(record, shard, shards))
      throw new HalfsecondError('INVALID', `record ${index}: its key lives on another shard`)
  })
}

function isKeyOf(record: unknown, shard: number, shards: number): boolean {
  if (typeof record !== 'object' || record === null || !('key' in record)) return false
  return typeof record.key === 'string' && shardOf(record.key, shards) === shard
}
