import { numberPeople } from './candidate-estimate.ts'
import { type CandidateRows, defaultArm, sameButItems, verySame } from './candidate-rows.ts'
import type { Column } from './column.ts'

/** Who is shown something else, at one placement. Shares are of all decisions, also those not logged. */
export interface Changes {
  /** Decisions that show the very same, all of it in the same order. */
  readonly agreement: number
  /** Decisions beside them that show other items of the same offers. */
  readonly otherItems: number
  /** Decisions that show any offer: as it was, and by the candidate. */
  readonly reachBefore: number
  readonly reachAfter: number
  /** By offer, or template; those that change most first. */
  readonly offers: readonly OfferChange[]
}

export interface OfferChange {
  readonly offer: string
  /** Those that were logged. */
  readonly decisions: Tally
  /** `gained` were not shown it in any of these decisions, and are; `lost` the other way round. */
  readonly people: Tally
}

export interface Tally {
  readonly before: number
  readonly after: number
  readonly gained: number
  readonly lost: number
}

export function changesIn(rows: CandidateRows): Changes {
  const offers = [...new Set(rows.arms.all.map(offerOfArm))]
  const places = new Map(offers.map((offer, place) => [offer, place]))
  const offerOf = rows.arms.all.map((arm) => places.get(offerOfArm(arm)) ?? 0)
  const fallback = places.get(defaultArm)
  const shown = new ShownOffers(rows, offerOf)
  const decisions = offers.map(() => new Counts())
  const marks = new Marks(offers.length)
  let [all, same, otherItems, reachBefore, reachAfter] = [0, 0, 0, 0, 0]
  for (let i = 0; i < rows.count; i++) {
    const s = rows.oneOf.at(i)
    const before = offerOf[rows.before.at(i)] ?? 0
    const after = offerOf[rows.after.at(i)] ?? 0
    all += s
    if (rows.agreement.at(i) === verySame) same += s
    if (rows.agreement.at(i) === sameButItems) otherItems += s
    if (before !== fallback) reachBefore += s
    if (after !== fallback) reachAfter += s
    shown.markIn(i, marks)
    marks.countIn(decisions)
  }
  const people = peopleOf(rows, shown, offers.length)
  const share = (part: number) => (all === 0 ? 0 : part / all)
  const changes = offers.map((offer, place) => ({
    offer,
    decisions: { ...(decisions[place] ?? new Counts()) },
    people: { ...(people[place] ?? new Counts()) },
  }))
  return {
    agreement: share(same),
    otherItems: share(otherItems),
    reachBefore: share(reachBefore),
    reachAfter: share(reachAfter),
    offers: changes
      .filter(
        ({ offer, decisions }) => offer !== defaultArm && decisions.before + decisions.after > 0,
      )
      .sort((a, b) => movedBy(b) - movedBy(a) || (a.offer < b.offer ? -1 : 1)),
  }
}

/** The offer of an arm. */
export function offerOfArm(arm: string): string {
  const end = arm.indexOf(' ')
  return end < 0 ? arm : arm.slice(0, end)
}

function movedBy({ decisions: { gained, lost } }: OfferChange): number {
  return gained + lost
}

class Counts implements Tally {
  before = 0
  after = 0
  gained = 0
  lost = 0

  count(isBefore: boolean, isAfter: boolean): void {
    if (isBefore) this.before++
    if (isAfter) this.after++
    if (isAfter && !isBefore) this.gained++
    if (isBefore && !isAfter) this.lost++
  }
}

const wasShown = 1
const isShown = 2

/** Offers that were shown, and are, in one decision or in several. */
class Marks {
  private readonly marks: Uint8Array
  private touched: number[] = []

  constructor(offers: number) {
    this.marks = new Uint8Array(offers)
  }

  mark(offer: number, as: number): void {
    const marked = this.marks[offer] ?? 0
    if (marked === 0) this.touched.push(offer)
    this.marks[offer] = marked | as
  }

  /** Counts each that is marked once, and takes all marks away. */
  countIn(counts: readonly Counts[]): void {
    for (const offer of this.touched) {
      const marked = this.marks[offer] ?? 0
      counts[offer]?.count((marked & wasShown) > 0, (marked & isShown) > 0)
      this.marks[offer] = 0
    }
    this.touched = []
  }
}

/** The offers of each row, in whatever slot they stand. */
class ShownOffers {
  private readonly rows: CandidateRows
  private readonly offerOf: readonly number[]
  private readonly before: Uint32Array
  private readonly after: Uint32Array

  /** @param offerOf the number of the offer of each arm */
  constructor(rows: CandidateRows, offerOf: readonly number[]) {
    this.rows = rows
    this.offerOf = offerOf
    this.before = startsOf(rows.othersBefore, rows.otherBefore)
    this.after = startsOf(rows.othersAfter, rows.otherAfter)
  }

  markIn(row: number, marks: Marks): void {
    const { before, after, otherBefore, otherAfter } = this.rows
    marks.mark(this.offer(before.at(row)), wasShown)
    marks.mark(this.offer(after.at(row)), isShown)
    for (let at = this.before[row] ?? 0; at < (this.before[row + 1] ?? 0); at++)
      marks.mark(this.offer(otherBefore.at(at)), wasShown)
    for (let at = this.after[row] ?? 0; at < (this.after[row + 1] ?? 0); at++)
      marks.mark(this.offer(otherAfter.at(at)), isShown)
  }

  private offer(arm: number): number {
    return this.offerOf[arm] ?? 0
  }
}

/** Where the others of each row begin, and where the last ones end; empty where there are none. */
function startsOf(counts: Column, others: Column): Uint32Array {
  if (others.length === 0) return new Uint32Array(0)
  const starts = new Uint32Array(counts.length + 1)
  for (let row = 0; row < counts.length; row++)
    starts[row + 1] = (starts[row] ?? 0) + counts.at(row)
  return starts
}

/** Counts people by offer, one person after the other: so nothing is kept of each pair of them. */
function peopleOf(rows: CandidateRows, shown: ShownOffers, offers: number): Counts[] {
  const counts = Array.from({ length: offers }, () => new Counts())
  const { order, ends } = byPerson(rows)
  const marks = new Marks(offers)
  let at = 0
  for (const end of ends) {
    for (; at < end; at++) shown.markIn(order[at] ?? 0, marks)
    marks.countIn(counts)
  }
  return counts
}

/** Rows in the order of their people, and where those of each person end. */
function byPerson(rows: CandidateRows): {
  readonly order: Uint32Array
  readonly ends: Uint32Array
} {
  const { of, people } = numberPeople(rows)
  const ends = new Uint32Array(people)
  for (const person of of) ends[person] = (ends[person] ?? 0) + 1
  const next = new Uint32Array(people)
  let sum = 0
  for (let person = 0; person < people; person++) {
    next[person] = sum
    sum += ends[person] ?? 0
    ends[person] = sum
  }
  const order = new Uint32Array(rows.count)
  of.forEach((person, row) => {
    const place = next[person] ?? 0
    order[place] = row
    next[person] = place + 1
  })
  return { order, ends }
}
