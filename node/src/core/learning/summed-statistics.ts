import { remaining } from './remaining.ts'
import type { SettledCell, ShardStatistics } from './statistics.ts'
import { readTrial } from './trial.ts'

/** Trials and rewards of an arm in a bucket, over all shards. */
export type SummedCell = Omit<SettledCell, 'lesson'>

/** By lesson, and in it by the cell's name. */
type Sums = Map<string, Map<string, SummedCell>>

/**
 * The sums over all shards, by lesson, decayed to the latest time of any shard. Whoever has the same
 * counts has the same sums, to the last bit and in the same order: shards are added in theirs.
 * Yields between pieces of work that take microseconds.
 */
export function* summed(
  shards: readonly ShardStatistics[],
): Generator<void, ReadonlyMap<string, readonly SummedCell[]>> {
  const sums: Sums = new Map()
  const latest = latestOf(shards)
  for (const { at, cells } of shards.toSorted((one, other) => one.shard - other.shard))
    for (const cell of cells) {
      add(sums, cell, latest - at)
      yield
    }
  return new Map(Array.from(sums, ([lesson, cells]) => [lesson, [...cells.values()]]))
}

/** The time that their sums are as of. */
export function latestOf(shards: readonly { readonly at: number }[]): number {
  return shards.reduce((latest, { at }) => Math.max(latest, at), 0)
}

function add(sums: Sums, { lesson, ...cell }: SettledCell, ageMs: number): void {
  const halfLifeMs = readTrial(`${lesson} `)?.halfLifeMs
  if (halfLifeMs === undefined) return
  const weight = remaining(ageMs, halfLifeMs)
  let ofLesson = sums.get(lesson)
  if (ofLesson === undefined) {
    ofLesson = new Map()
    sums.set(lesson, ofLesson)
  }
  const key = keyOf(cell)
  const before = ofLesson.get(key)
  const trials = (before?.trials ?? 0) + cell.trials * weight
  const rewards = (before?.rewards ?? 0) + cell.rewards * weight
  ofLesson.set(key, { ...cell, trials, rewards })
}

/** No name contains a line's end. */
function keyOf({ placement, offer, treatment, bucket }: SummedCell): string {
  return `${placement}\n${offer}\n${treatment}\n${bucket}`
}
