import { assert } from '../assert.ts'
import { type Cells, Column } from './column.ts'

/*
 * What a candidate playbook would have done, one row per logged decision at a placement. A candidate
 * looks at the visitor, so its probabilities differ from row to row, and sums per action do not say
 * enough: rows are kept, in columns of some 70 bytes a row, and each estimate reads them again.
 *
 * An *arm* is what is shown: `offer treatment`, items of a template together, or `defaultArm`.
 */

/** Default content. */
export const defaultArm = 'fallback'

/** Buckets told apart at a placement; what comes later is one bucket together. */
const bucketsMax = 2_000

/** How a row agrees. */
export const differs = 0
export const verySame = 1
export const sameButItems = 2

/** A decision at one placement, as it was and as the candidate would have made it. */
export interface CandidateRow {
  /** Equal for decisions about the same person; its lowest bit is as good as a coin. */
  readonly person: number
  /** What was shown first. */
  readonly before: string
  /** What the candidate shows first, given the same luck. */
  readonly after: string
  /** What was shown besides, and what the candidate shows besides. */
  readonly othersBefore: readonly string[]
  readonly othersAfter: readonly string[]
  /** Whether all of that is the very same, in the same order: of a template, the same items. */
  readonly isSame: boolean
  /** Whether it differs only in the items of templates. */
  readonly isSameButItems: boolean
  /** By which rewards are told apart; it may depend on the visitor, never on what was shown. */
  readonly bucket: string
  readonly reward: number
  /** One of so many decisions was logged then. */
  readonly oneOf: number
  /** With what probability it was shown: above 0, at most 1. */
  readonly propensity: number
  /** The candidate's probability of the same. */
  readonly probability: number
  /**
   * What the candidate shows, drawn by its probabilities and by luck that `before` has no part in: on
   * average of the rows it stands for all that may be shown, and takes less room. Where the candidate
   * is what decided, it is `before`: then nothing differs but by rounding.
   */
  readonly drawn: string
}

/** Rows of one placement as another thread can take them. */
export interface RowParts {
  readonly placement: string
  readonly arms: readonly string[]
  readonly buckets: readonly string[]
  readonly columns: readonly Cells[]
}

/** Rows of one placement. Names are numbered in the order in which they came. */
export class CandidateRows {
  readonly placement: string
  readonly arms = new Names(Number.POSITIVE_INFINITY)
  readonly buckets = new Names(bucketsMax)
  readonly person = new Column((length) => new Float64Array(length))
  readonly before = new Column((length) => new Uint32Array(length))
  readonly after = new Column((length) => new Uint32Array(length))
  /** `differs`, `verySame` or `sameButItems`. */
  readonly agreement = new Column((length) => new Uint8Array(length))
  /** Of each row how many, then the arms of all rows, one row after the other. */
  readonly othersBefore = new Column((length) => new Uint16Array(length))
  readonly othersAfter = new Column((length) => new Uint16Array(length))
  readonly otherBefore = new Column((length) => new Uint32Array(length))
  readonly otherAfter = new Column((length) => new Uint32Array(length))
  readonly bucket = new Column((length) => new Uint16Array(length))
  readonly reward = new Column((length) => new Float64Array(length))
  readonly oneOf = new Column((length) => new Float32Array(length))
  readonly propensity = new Column((length) => new Float64Array(length))
  readonly probability = new Column((length) => new Float64Array(length))
  readonly drawn = new Column((length) => new Uint32Array(length))

  constructor(placement: string) {
    this.placement = placement
  }

  get count(): number {
    return this.person.length
  }

  add(row: CandidateRow): void {
    this.person.push(row.person)
    this.before.push(this.arms.of(row.before))
    this.after.push(this.arms.of(row.after))
    this.agreement.push(row.isSame ? verySame : row.isSameButItems ? sameButItems : differs)
    this.othersBefore.push(row.othersBefore.length)
    this.othersAfter.push(row.othersAfter.length)
    for (const arm of row.othersBefore) this.otherBefore.push(this.arms.of(arm))
    for (const arm of row.othersAfter) this.otherAfter.push(this.arms.of(arm))
    this.bucket.push(this.buckets.of(row.bucket))
    this.reward.push(row.reward)
    this.oneOf.push(row.oneOf)
    this.propensity.push(row.propensity)
    this.probability.push(row.probability)
    this.drawn.push(this.arms.of(row.drawn))
  }

  /** Copies of all columns, in the order that `addParts` expects. */
  parts(): RowParts {
    return {
      placement: this.placement,
      arms: this.arms.all,
      buckets: this.buckets.all,
      columns: this.columns().map((column) => column.copy()),
    }
  }

  /** Adds rows that `parts` gave, in their order. */
  addParts({ arms, buckets, columns }: RowParts): void {
    const armOf = arms.map((arm) => this.arms.of(arm))
    const bucketOf = buckets.map((bucket) => this.buckets.of(bucket))
    this.columns().forEach((column, i) => {
      const added = columns[i]
      assert(added !== undefined, 'all columns of some rows')
      const isOfArms = this.columnsOfArms().includes(column)
      const renamed = isOfArms ? armOf : column === this.bucket ? bucketOf : undefined
      if (renamed !== undefined)
        for (let at = 0; at < added.length; at++) added[at] = renamed[added[at] ?? 0] ?? 0
      column.append(added)
    })
  }

  private columns(): readonly Column[] {
    const { person, agreement, bucket, reward, oneOf, propensity, probability } = this
    const { othersBefore, othersAfter } = this
    const ofRow = [person, agreement, bucket, reward, oneOf, propensity, probability]
    return [...ofRow, othersBefore, othersAfter, ...this.columnsOfArms()]
  }

  private columnsOfArms(): readonly Column[] {
    const { before, after, drawn, otherBefore, otherAfter } = this
    return [before, after, drawn, otherBefore, otherAfter]
  }
}

/** Numbers names in the order in which they come. */
class Names {
  readonly all: string[] = []
  private readonly places = new Map<string, number>()
  private readonly max: number

  /** @param max later names are the last one together */
  constructor(max: number) {
    this.max = max
  }

  of(name: string): number {
    const known = this.places.get(name)
    if (known !== undefined) return known
    if (this.all.length === this.max) return this.max - 1
    this.places.set(name, this.all.length)
    return this.all.push(name) - 1
  }
}
