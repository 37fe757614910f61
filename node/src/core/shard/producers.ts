/** A producer that wrote nothing for this long, in logical time, is forgotten. */
const idleMaxMs = 48 * 60 * 60_000

/** How often forgetting is looked into, in logical time. */
const sweepEveryMs = 60 * 60_000

export interface Producer {
  /** Number of its last record in this shard. */
  readonly n: number
  /** Logical time of that record. */
  readonly at: number
}

/** Never forgotten: the same file again must change nothing, however late, nor may another shard's word. */
const lastingPrefixes = ['import:', 'outbox:']

/** Who wrote how far into this shard: what makes a resent batch change nothing. */
export class Producers {
  private readonly rows: Map<string, Producer>
  private sweptAt = 0

  constructor(rows: Iterable<readonly [string, Producer]> = []) {
    this.rows = new Map(rows)
  }

  /** Number of the producer's last record; 0 where it wrote none, or is forgotten at `now`. */
  last(producer: string, now: number): number {
    const row = this.rows.get(producer)
    return row === undefined || isForgotten(producer, row, now) ? 0 : row.n
  }

  set(producer: string, n: number, at: number): void {
    this.rows.set(producer, { n, at })
  }

  get(producer: string): Producer | undefined {
    return this.rows.get(producer)
  }

  get size(): number {
    return this.rows.size
  }

  /**
   * Removes the rows of forgotten producers, which only frees memory, and starts the idle time of
   * those that wrote before there was any logical time. Returns whose rows changed.
   */
  sweep(now: number): string[] {
    if (now - this.sweptAt < sweepEveryMs) return []
    this.sweptAt = now
    const changed: string[] = []
    for (const [producer, row] of this.rows) {
      if (row.at === 0) this.rows.set(producer, { n: row.n, at: now })
      else if (isForgotten(producer, row, now)) this.rows.delete(producer)
      else continue
      changed.push(producer)
    }
    return changed
  }
}

function isForgotten(producer: string, row: Producer, now: number): boolean {
  return (
    row.at > 0 &&
    now - row.at > idleMaxMs &&
    !lastingPrefixes.some((prefix) => producer.startsWith(prefix))
  )
}
