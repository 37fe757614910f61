import type { Result } from './driver.ts'

/** A time during which a shard stood still. */
export interface Pause {
  readonly shard: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly ms: number
}

/** Times during which shards stood still, gathered from single waits, as a driver sends them back. */
export class Pauses {
  private readonly name: string
  private readonly leastMs: number
  private readonly byShard = new Map<number, { from: number; to: number }[]>()

  /** @param leastMs shorter waits are none */
  constructor(name: string, leastMs: number) {
    this.name = name
    this.leastMs = leastMs
  }

  /** Somebody waited on a shard; both times are of `performance.now()`. */
  add(shard: number, from: number, to: number): void {
    if (to - from < this.leastMs) return
    let pauses = this.byShard.get(shard)
    if (pauses === undefined) {
      pauses = []
      this.byShard.set(shard, pauses)
    }
    const last = pauses.at(-1)
    if (last === undefined || from > last.to) pauses.push({ from, to })
    else {
      last.from = Math.min(last.from, from)
      last.to = Math.max(last.to, to)
    }
  }

  result(): Result {
    const named = Array.from(this.byShard, ([shard, pauses]) =>
      pauses.map(({ from, to }): [string, number] => [
        `${this.name} ${shard} ${Math.round(performance.timeOrigin + from)}`,
        to - from,
      ]),
    )
    return Object.fromEntries(named.flat())
  }
}

/** The pauses of this name that a driver sent back. */
export function pausesIn(result: Result, name: string): readonly Pause[] {
  return Object.entries(result).flatMap(([key, ms]) => {
    const [kind, shard, at] = key.split(' ')
    return kind === name && at !== undefined ? [{ shard: Number(shard), at: Number(at), ms }] : []
  })
}
