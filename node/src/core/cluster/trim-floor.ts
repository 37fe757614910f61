import type { NodeReport, Replicas } from './cluster-map.ts'

/** Entries that stay although nobody needs them: a replica that is a little late replays instead of copying. */
export const trimMarginEntries = 10_000

/** The margin where the log is more than `pressedShare` full. */
const pressedMarginEntries = 100
export const pressedShare = 0.6

/** A replica that was not heard for so long no longer keeps the log: it starts from a copy again. */
export const trimWaitMs = 600_000

export interface TrimInput {
  readonly shard: number
  readonly entry: Replicas
  /** This node's own report included. */
  readonly reports: ReadonlyMap<string, NodeReport>
  /** How full the log is, 0 to 1. */
  readonly fullness: number
  /** Since when this node has listened to others, so that who was never heard can be waited for. */
  readonly listeningMs: number
  /** Entries that stay although nobody needs them; by default a margin that depends on fullness. */
  readonly marginEntries?: number
}

/**
 * The first entry that must stay, so that every replica of the map can go on from its disk; 0
 * where nothing may be removed. The entry at a replica's position stays too: the replica compares
 * it when it attaches.
 */
export function trimFloor(input: TrimInput): number {
  const { shard, entry, reports, fullness, listeningMs } = input
  const { primary, standbys, warming } = entry
  let floor = Number.POSITIVE_INFINITY
  for (const node of [primary, ...standbys, ...warming]) {
    const report = reports.get(node)
    const silentMs = report?.silentMs ?? listeningMs
    if (silentMs > trimWaitMs) continue
    floor = Math.min(floor, report?.replicas.get(shard)?.flushed ?? 0)
  }
  const byFullness = fullness >= pressedShare ? pressedMarginEntries : trimMarginEntries
  const margin = input.marginEntries ?? byFullness
  return Number.isFinite(floor) ? Math.max(0, floor - margin) : 0
}
