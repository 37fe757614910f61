/*
 * What somebody's log of choices says, kept as sums. A policy that does not look at the visitor gives
 * each action one probability, so its weight is constant for an action but for the propensity of the row.
 * Then every sum that an estimate needs follows from sums per action: the log is read once, whoever's
 * policy is asked about, and rows are never kept.
 *
 * Invariants
 * 1. Sums of two parts of a log, merged, are those of the whole, but for the rounding of additions.
 * 2. A cell that exists has at least one row.
 */

/** One choice as it was logged. */
export interface LoggedChoice {
  readonly action: string
  /** What was known of the visitor, by which rewards are told apart; the same text, the same bucket. */
  readonly bucket: string
  readonly reward: number
  /** With what probability the log chose this action: above 0, at most 1. */
  readonly propensity: number
  /**
   * Halves of the log: rewards that are expected in one half are learnt from the other, so that no row
   * is judged by what it taught. Whatever tells the halves apart must not follow from action or reward.
   */
  readonly half: Half
}

export type Half = 0 | 1

/** Sums over rows; u is 1 / propensity, r the reward. */
export interface Sums {
  n: number
  r: number
  rr: number
  u: number
  ur: number
  urr: number
  uu: number
  uur: number
  uurr: number
  /** The greatest u. */
  uMax: number
}

/** Sums of one action in one bucket. */
export interface Cell {
  readonly bucket: string
  readonly action: string
  readonly halves: readonly [Sums, Sums]
}

/** Sums of a log, or of a part of one. */
export class LoggedChoices {
  private readonly buckets = new Map<string, Map<string, Cell>>()
  private readonly names = new Set<string>()
  private cellCount = 0

  add({ action, bucket, reward: r, propensity, half }: LoggedChoice): void {
    const u = 1 / propensity
    const ur = u * r
    const sums = this.cell(bucket, action).halves[half]
    sums.n++
    sums.r += r
    sums.rr += r * r
    sums.u += u
    sums.ur += ur
    sums.urr += ur * r
    sums.uu += u * u
    sums.uur += u * ur
    sums.uurr += ur * ur
    if (u > sums.uMax) sums.uMax = u
  }

  /** Every action that the log chose at least once. */
  get actions(): ReadonlySet<string> {
    return this.names
  }

  /** How many pairs of bucket and action there are: what all this takes of memory. */
  get size(): number {
    return this.cellCount
  }

  get bucketCount(): number {
    return this.buckets.size
  }

  /** Undefined where the log never chose the action in this bucket. */
  cellOf(bucket: string, action: string): Cell | undefined {
    return this.buckets.get(bucket)?.get(action)
  }

  /** Sums by bucket and action. */
  *byBucket(): IterableIterator<ReadonlyMap<string, Cell>> {
    yield* this.buckets.values()
  }

  *cells(): IterableIterator<Cell> {
    for (const cells of this.buckets.values()) yield* cells.values()
  }

  /** Adds another part of the log, which stays as it is. */
  addAll(other: LoggedChoices): void {
    for (const { bucket, action, halves } of other.cells()) {
      const own = this.cell(bucket, action).halves
      addSums(own[0], halves[0])
      addSums(own[1], halves[1])
    }
  }

  private cell(bucket: string, action: string): Cell {
    let cells = this.buckets.get(bucket)
    if (cells === undefined) {
      cells = new Map()
      this.buckets.set(bucket, cells)
    }
    let cell = cells.get(action)
    if (cell === undefined) {
      cell = { bucket, action, halves: [emptySums(), emptySums()] }
      cells.set(action, cell)
      this.names.add(action)
      this.cellCount++
    }
    return cell
  }
}

/** The sums of two parts of a log. */
export function merge(a: LoggedChoices, b: LoggedChoices): LoggedChoices {
  const both = new LoggedChoices()
  both.addAll(a)
  both.addAll(b)
  return both
}

export function emptySums(): Sums {
  return { n: 0, r: 0, rr: 0, u: 0, ur: 0, urr: 0, uu: 0, uur: 0, uurr: 0, uMax: 0 }
}

/** Adds the second to the first. */
export function addSums(to: Sums, of: Sums): void {
  to.n += of.n
  to.r += of.r
  to.rr += of.rr
  to.u += of.u
  to.ur += of.ur
  to.urr += of.urr
  to.uu += of.uu
  to.uur += of.uur
  to.uurr += of.uurr
  to.uMax = Math.max(to.uMax, of.uMax)
}
