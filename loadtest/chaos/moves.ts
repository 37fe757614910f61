import type { Extra } from './scenario.ts'

/** More than a node's share of the shards must not move for one node's sake. */
const atMost = 1.1

/** Shards whose primary changed, against one node's share of all. */
export function movesRatio(
  before: readonly string[],
  after: readonly string[],
  nodes: number,
  what: string,
): Extra {
  const moved = after.filter((primary, shard) => primary !== before[shard]).length
  const value = moved / (after.length / nodes)
  return { figure: 'moves-ratio', value, unit: '× 1/n', atMost, with: { what, moved } }
}

/** The greatest of several, as one figure. */
export function greatestOf(ratios: readonly Extra[]): Extra[] {
  const sorted = [...ratios].sort((a, b) => (b.value ?? 0) - (a.value ?? 0))
  return sorted.slice(0, 1).map((one) => ({ ...one, with: { ...one.with, of: ratios.length } }))
}
