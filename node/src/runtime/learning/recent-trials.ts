import { type Taught, type TrialRow, trialRows } from '../../core/learning/trial-rows.ts'
import type { Clock } from '../ports.ts'
import type { JoinedDecisions } from './joined-decisions.ts'

/** What a richer model learns from: more rows say hardly more, and older ones are of other times. */
export const rowsMax = 100_000
const keptMs = 7 * 24 * 3_600_000

/**
 * An outcome may come so late, and a decision be logged so late. Where what is hoped for comes within
 * seconds, nobody waits a minute for it.
 */
const lateMsMax = 60_000

/** The newest part of the past is read first, in windows that take about so long. */
const windowMsFirst = 10 * 60_000
const windowTakesMs = 1_000

/** Reading what is new may take so much of the time; else a smaller share of it is read from then on. */
const newShare = 0.5
const oneOfMax = 2 ** 20

export interface RecentTrialsDependencies {
  readonly joined: Pick<JoinedDecisions, 'read'>
  readonly clock: Clock
}

/**
 * Trials of the last days whose time for a reward is over: the newest of them, each read once. It is
 * kept in memory from one call to the next, so that each reads only what came in between; a node that
 * begins with it reads back as far as its time allows, and goes on the next time.
 */
export class RecentTrials {
  private readonly uses: RecentTrialsDependencies
  private readonly taught: ReadonlyMap<string, Taught>
  private readonly withinMs: number
  private readonly lateMs: number
  /** By decision, placement and offer. */
  private rows = new Map<string, TrialRow>()
  /** What was logged from then to before then is read. */
  private from = 0
  private upTo = 0
  private windowMs = windowMsFirst
  private oneOf = 1
  private isClosed = false

  /** @param taught by placement; all with the same time for a reward */
  constructor(uses: RecentTrialsDependencies, taught: ReadonlyMap<string, Taught>) {
    this.uses = uses
    this.taught = taught
    this.withinMs = Math.max(...Array.from(taught.values(), ({ withinMs }) => withinMs))
    this.lateMs = Math.min(lateMsMax, this.withinMs)
  }

  /**
   * Trials as of a time, in no order. Rejects as reading does; the next call goes on then.
   * @param forMs after which it makes do with what it has
   */
  async asOf(at: number, forMs: number): Promise<readonly TrialRow[]> {
    const begun = this.uses.clock.monotonic()
    const end = at - this.withinMs - this.lateMs
    if (this.upTo <= end - keptMs) {
      this.rows.clear()
      this.from = end
      this.upTo = end
    }
    await this.readNew(end, begun + forMs * newShare)
    this.trim(end)
    await this.readBack(end - keptMs, begun + forMs)
    this.trim(end)
    return [...this.rows.values()]
  }

  /** Nothing more is read. */
  close(): void {
    this.isClosed = true
  }

  private async readNew(end: number, deadline: number): Promise<void> {
    if (end <= this.upTo || this.isClosed) return
    const { clock } = this.uses
    const begun = clock.monotonic()
    // What was logged late is in what was read before.
    const isRead = await this.read(this.upTo - this.lateMs, end, deadline)
    // What there was no time for is left out: the next is less.
    this.upTo = end
    if (!isRead) this.oneOf = Math.min(oneOfMax, this.oneOf * 2)
    else if (clock.monotonic() - begun < (deadline - begun) / 8)
      this.oneOf = Math.max(1, this.oneOf / 2)
  }

  private async readBack(start: number, deadline: number): Promise<void> {
    const { clock } = this.uses
    while (this.from > start && this.rows.size < rowsMax && clock.monotonic() < deadline) {
      if (this.isClosed) return
      const begun = clock.monotonic()
      const from = Math.max(start, this.from - this.windowMs)
      const isRead = await this.read(from, this.from, deadline)
      const isQuick = isRead && clock.monotonic() - begun < windowTakesMs
      this.windowMs = isQuick ? this.windowMs * 2 : Math.max(1_000, this.windowMs / 2)
      if (!isRead) return
      this.from = from
    }
  }

  /** False where there was no time for all of it, or it is too much: then none of it is taken. */
  private async read(from: number, end: number, deadline: number): Promise<boolean> {
    const { joined, clock } = this.uses
    const { oneOf } = this
    const range = { from, to: end - 1, placements: [...this.taught.keys()], oneOf }
    const fresh = new Map<string, TrialRow>()
    for await (const one of joined.read(range)) {
      const isOver = this.isClosed || clock.monotonic() > deadline
      if (isOver || fresh.size >= rowsMax) return false
      for (const row of trialRows(one, this.taught)) {
        const { decision, placement, offer } = row
        fresh.set(`${decision} ${placement} ${offer}`, { ...row, oneOf: row.oneOf * oneOf })
      }
    }
    for (const [name, row] of fresh) this.rows.set(name, row)
    return true
  }

  /** Leaves the newest. */
  private trim(end: number): void {
    const start = end - keptMs
    const kept = [...this.rows].filter(([, { at }]) => at >= start)
    kept.sort(([, one], [, other]) => other.at - one.at)
    const last = kept[rowsMax]?.[1].at
    if (last !== undefined) this.from = Math.max(this.from, last)
    this.rows = new Map(kept.slice(0, rowsMax))
  }
}
