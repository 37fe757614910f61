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

  constructor(starts: number[] = [], ends: number[] = [], isCut = false) {
    this.starts = starts
    this.ends = ends
    this.isCut = isCut
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

  /** Start of the session that is open at `now`; `now` itself where none is. */
  startAt(now: number): number {
    const last = this.starts.length - 1
    return last >= 0 && now - (this.ends[last] ?? 0) <= sessionGapMs
      ? (this.starts[last] ?? now)
      : now
  }

  copy(): Sessions {
    return new Sessions([...this.starts], [...this.ends], this.isCut)
  }

  /** For rows: the arguments of the constructor. */
  stored(): readonly [readonly number[], readonly number[], boolean] {
    return [this.starts, this.ends, this.isCut]
  }
}
