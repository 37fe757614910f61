import { HalfsecondError, isFields } from '@halfsecond/protocol'
import { assert } from '../../core/assert.ts'
import type { SettledCell, ShardStatistics } from '../../core/learning/statistics.ts'
import { linesIn } from '../identity/lines.ts'
import type { Shard } from '../shards/shard.ts'
import type { SharedTurn } from '../shared-turn.ts'

/** Cells told between two looks whether the turn is over: about a tenth of a millisecond. */
const cellsAtOnce = 32

/**
 * What a shard has learnt, as of one position: first where that is, then each cell. Throws `MOVED` for
 * a shard that is not here.
 */
export async function* statisticsOf(
  shard: Pick<Shard, 'number' | 'state'> | undefined,
  turn: SharedTurn,
): AsyncGenerator<object> {
  if (shard === undefined)
    throw new HalfsecondError('MOVED', 'this node does not hold the shard that was asked for')
  // To begin takes a millisecond where there are thousands of cells.
  await turn.giveWay()
  const { statistics, time, applied } = shard.state
  const { at, cells } = statistics.settledInSteps(time.now)
  yield { shard: shard.number, position: applied, at }
  let told = 0
  for (const cell of cells) {
    yield cell
    if (++told % cellsAtOnce === 0) await turn.giveWay()
  }
}

/** Reads such an answer. Rejects as reading does. */
export async function readStatistics(answer: AsyncIterable<Uint8Array>): Promise<ShardStatistics> {
  let head: Omit<ShardStatistics, 'cells'> | undefined
  const cells: SettledCell[] = []
  for await (const line of linesIn(answer)) {
    if (head === undefined) head = headIn(line)
    else cells.push(cellIn(line))
  }
  assert(head !== undefined, 'an answer has a head')
  return { ...head, cells }
}

function headIn(line: unknown): Omit<ShardStatistics, 'cells'> {
  const { shard, position, at } = isFields(line) ? line : {}
  assert(
    typeof shard === 'number' && typeof position === 'number' && typeof at === 'number',
    'statistics say where they are from',
  )
  return { shard, position, at }
}

function cellIn(line: unknown): SettledCell {
  const { lesson, placement, offer, treatment, bucket, trials, rewards } = isFields(line)
    ? line
    : {}
  assert(
    typeof lesson === 'string' &&
      typeof placement === 'string' &&
      typeof offer === 'string' &&
      typeof treatment === 'string' &&
      typeof bucket === 'string' &&
      typeof trials === 'number' &&
      typeof rewards === 'number',
    'a cell that is whole',
  )
  return { lesson, placement, offer, treatment, bucket, trials, rewards }
}
