import type { ExperimentFacts, ExperimentQuestion } from './experiment-facts.ts'

/** Of people who were shown something so long ago that the time of a measure is over. */
export interface MeasureSums {
  readonly people: number
  /** Did it within that time. */
  readonly did: number
  /** Had done it within the same time before. */
  readonly before: number
  readonly both: number
}

/** Of people who were shown something first on one day, in UTC. */
export interface DaySums {
  /** Days since 1970. */
  readonly day: number
  readonly people: number
  /** Those of them whose time is over for the experiment's own measure. */
  readonly whole: number
  readonly did: number
}

export interface ArmSums {
  /** As outcomes name it. */
  readonly arm: string
  /** Who was shown something. */
  readonly people: number
  /** In the order of the question's. */
  readonly measures: readonly MeasureSums[]
  /** In order. */
  readonly days: readonly DaySums[]
}

/** What people did in an experiment: of some people, and additive. */
export interface ExperimentSums {
  /** By name. */
  readonly arms: readonly ArmSums[]
  /** Persons that were looked at, whether or not they were shown anything. */
  readonly seen: number
  /** Shown more than one arm, as two profiles that were found to be one person: the first counts. */
  readonly several: number
}

export const noExperimentSums: ExperimentSums = { arms: [], seen: 0, several: 0 }

export function addExperimentSums(a: ExperimentSums, b: ExperimentSums): ExperimentSums {
  const names = [...new Set([...a.arms, ...b.arms].map(({ arm }) => arm))].sort()
  return {
    arms: names.map((arm) => addArms(armIn(a, arm), armIn(b, arm))),
    seen: a.seen + b.seen,
    several: a.several + b.several,
  }
}

/** Of an arm that nobody is in: nothing. */
export function armIn({ arms }: ExperimentSums, arm: string): ArmSums {
  return arms.find((one) => one.arm === arm) ?? { arm, people: 0, measures: [], days: [] }
}

export const noMeasureSums: MeasureSums = { people: 0, did: 0, before: 0, both: 0 }

function addArms(a: ArmSums, b: ArmSums): ArmSums {
  const most = Math.max(a.measures.length, b.measures.length)
  return {
    arm: a.arm,
    people: a.people + b.people,
    measures: Array.from({ length: most }, (_, i) => addMeasures(a.measures[i], b.measures[i])),
    days: addDays(a.days, b.days),
  }
}

function addMeasures(a = noMeasureSums, b = noMeasureSums): MeasureSums {
  return {
    people: a.people + b.people,
    did: a.did + b.did,
    before: a.before + b.before,
    both: a.both + b.both,
  }
}

function addDays(a: readonly DaySums[], b: readonly DaySums[]): DaySums[] {
  const byDay = new Map(a.map((one) => [one.day, one]))
  for (const one of b) {
    const other = byDay.get(one.day) ?? { people: 0, whole: 0, did: 0 }
    byDay.set(one.day, {
      day: one.day,
      people: one.people + other.people,
      whole: one.whole + other.whole,
      did: one.did + other.did,
    })
  }
  return [...byDay.values()].sort((x, y) => x.day - y.day)
}

export const dayMs = 86_400_000

/** Days told apart; who came before counts with the first of them. */
const daysMax = 400

/** Arms told apart: those of a playbook are fewer, and a name that was used before has some more. */
const armsMax = 64

/** Collects what each of many people did. */
export class ExperimentTally {
  private readonly question: ExperimentQuestion
  private readonly arms = new Map<string, Counting>()
  private seen = 0
  private several = 0

  constructor(question: ExperimentQuestion) {
    this.question = question
  }

  /** Somebody who was shown nothing. */
  addNobody(): void {
    this.seen++
  }

  /** A person. @param facts of all fragments of the profile; those that say nothing may be left out */
  add(facts: readonly ExperimentFacts[]): void {
    this.seen++
    const all = facts.flatMap(({ shown }) => shown)
    const [first, ...others] = all.sort(earlierFirst)
    if (first === undefined) return
    const [arm, at] = first
    if (others.some(([other]) => other !== arm)) this.several++
    const counting = this.countingOf(arm)
    if (counting === undefined) return
    const { now, measures } = this.question
    counting.people++
    const day = dayIn(counting.days, Math.max(dayOf(at), dayOf(now) - daysMax))
    day.people++
    measures.forEach(({ withinMs }, i) => {
      const sums = counting.measures[i]
      if (sums === undefined || at + withinMs > now) return
      const isWithin = (from: number, until: number) =>
        facts.some(({ done }) => done[i]?.some((time) => time >= from && time < until))
      const did = isWithin(at, at + withinMs)
      const before = isWithin(at - withinMs, at)
      sums.people++
      if (did) sums.did++
      if (before) sums.before++
      if (did && before) sums.both++
      if (i > 0) return
      day.whole++
      if (did) day.did++
    })
  }

  sums(): ExperimentSums {
    const arms = [...this.arms].sort(([a], [b]) => (a < b ? -1 : 1))
    return {
      arms: arms.map(([arm, { people, measures, days }]) => ({
        arm,
        people,
        measures,
        days: [...days.values()].sort((a, b) => a.day - b.day),
      })),
      seen: this.seen,
      several: this.several,
    }
  }

  private countingOf(arm: string): Counting | undefined {
    const present = this.arms.get(arm)
    if (present || this.arms.size >= armsMax) return present
    const measures = this.question.measures.map(() => ({ ...noMeasureSums }))
    const counting: Counting = { people: 0, measures, days: new Map() }
    this.arms.set(arm, counting)
    return counting
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Counting {
  people: number
  readonly measures: readonly Mutable<MeasureSums>[]
  readonly days: Map<number, Mutable<DaySums>>
}

type Shown = ExperimentFacts['shown'][number]

/** Of two at the same time, the one whose name comes first: so that every node counts alike. */
function earlierFirst([arm, at]: Shown, [other, than]: Shown): number {
  return at - than || (arm < other ? -1 : arm === other ? 0 : 1)
}

function dayOf(at: number): number {
  return Math.floor(at / dayMs)
}

function dayIn(days: Map<number, Mutable<DaySums>>, day: number): Mutable<DaySums> {
  const present = days.get(day)
  if (present) return present
  const made = { day, people: 0, whole: 0, did: 0 }
  days.set(day, made)
  return made
}
