import type { Digest } from '../digest.ts'
import {
  type Cell,
  type CellOf,
  counted,
  decodeCell,
  encodeCell,
  initialCell,
  movedTo,
  settle,
} from './cell.ts'

/** What a shard has learnt at a position of its log; told by any of its replicas. */
export interface ShardStatistics {
  readonly shard: number
  readonly position: number
  /** The time that all counts are as of: the end of the hour that the shard's time is in. */
  readonly at: number
  /** In the order of their names. */
  readonly cells: readonly SettledCell[]
}

/** What is counted of an arm in a bucket, and old enough that its rewards have come. */
export interface SettledCell extends CellOf {
  readonly trials: number
  /** Never more than trials, in the sum of all shards. */
  readonly rewards: number
}

/** Cells of a shard: a model made of them and their like from other shards fits in memory twice. */
export const cellsMax = 8_192

/** Of these so many have a bucket; what comes on top counts for its arm in the bucket `''`. */
export const bucketedMax = 7_168

/** A cell that has faded to less teaches nothing any more. */
export const lightestTrials = 0.001

const hourMs = 60 * 60_000

interface Kept {
  readonly cell: Cell
  readonly row: Uint8Array
}

interface Place {
  readonly of: CellOf
  readonly key: string
  readonly before: Kept | undefined
}

/**
 * What is learnt from a shard's outcomes: a fold of its log. Each cell counts in the shard's digest, by
 * the bytes of its row, so that replicas that learnt something else are noticed.
 *
 * An arm's outcomes count even where there is no room for one more bucket: in the arm's bucket `''`.
 * Only an arm that is new while `cellsMax` others are known counts nowhere, until some have faded.
 */
export class Statistics {
  private readonly cells = new Map<string, Kept>()
  private bucketed = 0
  /** Their keys in order; undefined where a cell came or went since. */
  private order: readonly string[] | undefined

  static restore(rows: Iterable<Uint8Array>): Statistics {
    const statistics = new Statistics()
    for (const row of rows) {
      const own = new Uint8Array(row)
      const cell = decodeCell(own)
      statistics.keep(keyOf(cell.of), { cell, row: own })
    }
    return statistics
  }

  get size(): number {
    return this.cells.size
  }

  /** The row of a cell, or undefined where it has faded. */
  row(key: string): Uint8Array | undefined {
    return this.cells.get(key)?.row
  }

  /** Rows of all cells. */
  *rows(): Generator<Uint8Array> {
    for (const { row } of this.cells.values()) yield row
  }

  /**
   * Counts a trial, a reward, or both. Returns the key of the cell that changed, if any did.
   * @param decidedAt when the decision was made @param now the shard's logical time
   */
  count(
    of: CellOf,
    decidedAt: number,
    what: { readonly isTrial: boolean; readonly isReward: boolean },
    now: number,
    digest: Digest,
  ): string | undefined {
    const place = this.placeOf(of)
    if (place === undefined) return undefined
    const { key, before } = place
    const cell = before?.cell ?? initialCell(place.of)
    const after = counted(cell, decidedAt, what, now)
    if (after === cell) return undefined
    const row = encodeCell(after)
    if (before) digest.remove(before.row, 0, before.row.length)
    digest.add(row, 0, row.length)
    this.keep(key, { cell: after, row })
    return key
  }

  /** Time has passed: returns the keys of cells that have faded. Only where an hour is over is there any. */
  sweep(before: number, now: number, digest: Digest): string[] {
    const faded: string[] = []
    if (hourOf(before) === hourOf(now)) return faded
    for (const [key, { cell, row }] of this.cells) {
      const { settled, pending } = settle(cell, now)
      if (pending.length > 0 || settled.at > now) continue
      const { trials, rewards } = movedTo(settled, now, cell.halfLifeMs)
      if (Math.max(trials, rewards) >= lightestTrials) continue
      this.cells.delete(key)
      this.order = undefined
      if (cell.of.bucket !== '') this.bucketed--
      digest.remove(row, 0, row.length)
      faded.push(key)
    }
    return faded
  }

  /** What is settled at a logical time. */
  settled(now: number): Pick<ShardStatistics, 'at' | 'cells'> {
    const { at, cells } = this.settledInSteps(now)
    return { at, cells: [...cells] }
  }

  /** As `settled`, one by one: they are as of now, whatever is counted until the last one is taken. */
  settledInSteps(now: number): { readonly at: number; readonly cells: Iterable<SettledCell> } {
    this.order ??= [...this.cells.keys()].sort()
    const all = this.order.flatMap((key) => this.cells.get(key)?.cell ?? [])
    // What was settled early is later than the shard's time. Nothing counts for more than one.
    const newest = all.reduce((latest, { settled }) => Math.max(latest, settled.at), now)
    const at = Math.ceil(newest / hourMs) * hourMs
    return { at, cells: toldOf(all, now, at) }
  }

  /** Which cell counts it; undefined where there is no room. */
  private placeOf(of: CellOf): Place | undefined {
    const key = keyOf(of)
    const before = this.cells.get(key)
    if (before) return { of, key, before }
    const hasRoom = this.cells.size < cellsMax
    if (of.bucket === '') return hasRoom ? { of, key, before } : undefined
    if (hasRoom && this.bucketed < bucketedMax) return { of, key, before }
    return this.placeOf({ ...of, bucket: '' })
  }

  private keep(key: string, kept: Kept): void {
    if (!this.cells.has(key)) {
      this.order = undefined
      if (kept.cell.of.bucket !== '') this.bucketed++
    }
    this.cells.set(key, kept)
  }
}

function* toldOf(cells: readonly Cell[], now: number, at: number): Generator<SettledCell> {
  for (const cell of cells) {
    const { lesson, placement, offer, treatment, bucket } = cell.of
    const { trials, rewards } = movedTo(settle(cell, now).settled, at, cell.halfLifeMs)
    if (trials + rewards > 0) yield { lesson, placement, offer, treatment, bucket, trials, rewards }
  }
}

function hourOf(time: number): number {
  return Math.floor(time / hourMs) * hourMs
}

/** Names are printable, so a line end keeps them apart. */
function keyOf({ lesson, placement, offer, treatment, bucket }: CellOf): string {
  return `${lesson}\n${placement}\n${offer}\n${treatment}\n${bucket}`
}
