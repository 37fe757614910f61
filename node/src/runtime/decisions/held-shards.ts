import { HalfsecondError, type WirePosition } from '@halfsecond/protocol'
import type { Shard } from '../shards/shard.ts'

/** The shard, if this node answers for it now. */
export function answering(
  shards: readonly (Shard | undefined)[],
  number: number,
): Shard | undefined {
  const shard = shards[number]
  return shard === undefined || shard.isStopped || shard.status === 'recovering' ? undefined : shard
}

/** @throws HalfsecondError `MOVED` or `UNAVAILABLE` */
export function hold(shards: readonly (Shard | undefined)[], number: number): Shard {
  const shard = shards[number]
  if (shard === undefined)
    throw new HalfsecondError(
      'MOVED',
      `this node does not hold shard ${number}: refresh the shard map`,
    )
  if (shard.isStopped || shard.status === 'recovering') {
    throw new HalfsecondError(
      'UNAVAILABLE',
      shard.stopped === '' ? `shard ${number} is being recovered` : shard.stopped,
    )
  }
  return shard
}

export function positionOf(shard: Shard): WirePosition {
  const { incarnation, applied } = shard.state
  return [shard.number, incarnation, applied]
}

/** The greatest sequence that the positions demand of this shard. */
export function positionIn(
  positions: readonly WirePosition[],
  shard: Shard,
): { sequence: number; isReset: boolean } {
  let sequence = 0
  let isReset = false
  for (const [number, incarnation, wanted] of positions) {
    if (number !== shard.number) continue
    if (incarnation !== shard.state.incarnation) isReset = true
    else if (wanted > sequence) sequence = wanted
  }
  return { sequence, isReset }
}
