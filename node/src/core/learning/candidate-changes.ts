import { numberPeople } from './candidate-estimate.ts'
import { type CandidateRows, defaultArm } from './candidate-rows.ts'

/** Who is shown something else, at one placement. Shares are of all decisions, also those not logged. */
export interface Changes {
  /** Decisions that show the very same. */
  readonly agreement: number
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
  const decisions = offers.map(() => new Counts())
  let [all, same, reachBefore, reachAfter] = [0, 0, 0, 0]
  for (let i = 0; i < rows.count; i++) {
    const s = rows.oneOf.at(i)
    const before = offerOf[rows.before.at(i)] ?? 0
    const after = offerOf[rows.after.at(i)] ?? 0
    all += s
    if (rows.isSame.at(i) === 1) same += s
    if (before !== fallback) reachBefore += s
    if (after !== fallback) reachAfter += s
    decisions[before]?.count(true, after === before)
    if (after !== before) decisions[after]?.count(false, true)
  }
  const people = peopleOf(rows, offerOf, offers.length)
  const share = (part: number) => (all === 0 ? 0 : part / all)
  const changes = offers.map((offer, place) => ({
    offer,
    decisions: { ...(decisions[place] ?? new Counts()) },
    people: { ...(people[place] ?? new Counts()) },
  }))
  return {
    agreement: share(same),
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

/** Counts people by offer, one person after the other: so nothing is kept of each pair of them. */
function peopleOf(rows: CandidateRows, offerOf: readonly number[], offers: number): Counts[] {
  const counts = Array.from({ length: offers }, () => new Counts())
  const { order, ends } = byPerson(rows)
  const marks = new Uint8Array(offers)
  let at = 0
  for (const end of ends) {
    const touched: number[] = []
    const mark = (offer: number, as: number) => {
      if (marks[offer] === 0) touched.push(offer)
      marks[offer] = (marks[offer] ?? 0) | as
    }
    for (; at < end; at++) {
      const row = order[at] ?? 0
      mark(offerOf[rows.before.at(row)] ?? 0, wasShown)
      mark(offerOf[rows.after.at(row)] ?? 0, isShown)
    }
    for (const offer of touched) {
      const marked = marks[offer] ?? 0
      counts[offer]?.count((marked & wasShown) > 0, (marked & isShown) > 0)
      marks[offer] = 0
    }
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
