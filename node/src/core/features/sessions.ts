/** A gap of more than this ends a session. */
export const sessionGapMs = 30 * 60_000

/** Sessions that a feature state keeps: enough for "this one" and for late entries around it. */
const keptMax = 8

/**
 * The newest sessions of a timeline, as intervals, oldest first. Entries may come in any order; an
 * entry between two sessions joins them.
 */
export class Sessions {
  private readonly starts: number[]
  private readonly ends: number[]
  /** Whether there are older sessions than those kept. */
  private isCut: boolean
  /**
   * A session that starts before this may have begun earlier still. 0 unless merged: the sessions
   * of one timeline are computed again where that could be.
   */
  private readonly sureFrom: number

  constructor(starts: number[] = [], ends: number[] = [], isCut = false, sureFrom = 0) {
    this.starts = starts
    this.ends = ends
    this.isCut = isCut
    this.sureFrom = sureFrom
  }

  /**
   * The newest sessions of several timelines together: intervals that touch within the gap are one.
   * Where a timeline kept no older ones, those could have joined whatever starts before its oldest.
   */
  static merged(all: readonly Sessions[]): Sessions {
    const intervals: { readonly start: number; readonly end: number }[] = []
    let sureFrom = 0
    for (const one of all) {
      sureFrom = Math.max(sureFrom, one.sureFrom, one.isCut ? (one.starts[0] ?? 0) : 0)
      one.starts.forEach((start, i) => {
        intervals.push({ start, end: one.ends[i] ?? start })
      })
    }
    intervals.sort((a, b) => a.start - b.start)
    const starts: number[] = []
    const ends: number[] = []
    for (const { start, end } of intervals) {
      const last = ends.length - 1
      const lastEnd = ends[last]
      if (lastEnd !== undefined && start - lastEnd <= sessionGapMs)
        ends[last] = Math.max(lastEnd, end)
      else {
        starts.push(start)
        ends.push(end)
      }
    }
    const isCut = starts.length > keptMax || all.some((one) => one.isCut)
    return new Sessions(starts.slice(-keptMax), ends.slice(-keptMax), isCut, sureFrom)
  }

  /**
   * Takes an entry in.
   * @returns false if it may have reached a session that is no longer kept: compute the sessions
   *   again from the timeline
   */
  add(at: number): boolean {
    let place = this.starts.length
    while (place > 0 && (this.starts[place - 1] ?? 0) > at) place--
    const joinsBefore = place > 0 && at - (this.ends[place - 1] ?? 0) <= sessionGapMs
    const joinsAfter = place < this.starts.length && (this.starts[place] ?? 0) - at <= sessionGapMs
    if (joinsBefore && joinsAfter) {
      this.ends[place - 1] = this.ends[place] ?? at
      this.starts.splice(place, 1)
      this.ends.splice(place, 1)
      return !this.isCut
    } else if (joinsBefore) {
      this.ends[place - 1] = Math.max(this.ends[place - 1] ?? at, at)
    } else if (joinsAfter) {
      this.starts[place] = at
      return place > 0 || !this.isCut
    } else if (place > 0 || this.starts.length < keptMax) {
      this.starts.splice(place, 0, at)
      this.ends.splice(place, 0, at)
      if (this.starts.length > keptMax) {
        this.starts.shift()
        this.ends.shift()
        this.isCut = true
      }
    } else {
      this.isCut = true
    }
    return true
  }

  /**
   * Start of the session that is open at `now`; `now` itself where none is. 0 where it may have
   * begun earlier than anything that is kept.
   */
  startAt(now: number): number {
    const last = this.starts.length - 1
    if (last < 0 || now - (this.ends[last] ?? 0) > sessionGapMs) return now
    const start = this.starts[last] ?? now
    return start >= this.sureFrom ? start : 0
  }

  get isEmpty(): boolean {
    return this.starts.length === 0 && !this.isCut
  }

  copy(): Sessions {
    return new Sessions([...this.starts], [...this.ends], this.isCut, this.sureFrom)
  }

  /** For rows: the first arguments of the constructor; sessions of one timeline have no other. */
  stored(): readonly [readonly number[], readonly number[], boolean] {
    return [this.starts, this.ends, this.isCut]
  }
}
