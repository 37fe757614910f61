import { bounds, type Position } from '@halfsecond/protocol'

/**
 * One position per shard, the newest of all that are known; the own ones come last, so that of very
 * many they are the ones that stay.
 * @param incarnationOf which life of a shard's log is current: sequences of two lives do not compare
 */
export function newestPositions(
  imported: readonly Position[],
  own: readonly Position[],
  incarnationOf: (shard: number) => number,
): readonly Position[] {
  if (imported.length === 0 && own.length <= 1) return own
  const newest = new Map<number, Position>()
  for (const position of [...imported, ...own]) {
    const { shard, incarnation, sequence } = position
    const known = newest.get(shard)
    const isNewer =
      known === undefined ||
      (incarnation === known.incarnation
        ? sequence > known.sequence
        : incarnation === incarnationOf(shard))
    if (isNewer) newest.set(shard, position)
  }
  return [...newest.values()].slice(-bounds.positionsPerVisitor)
}
