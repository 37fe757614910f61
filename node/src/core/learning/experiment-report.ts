import type { Experiment, ExperimentArm, Measure, Shows } from '../decision/playbook.ts'
import { durationInWords } from '../duration.ts'
import { adjustedLift, plainLift, rateSums } from './adjusted-lift.ts'
import { armIn, dayMs, type ExperimentSums, noMeasureSums } from './experiment-sums.ts'
import { type Lift, peopleUntilSeen } from './lift.ts'
import { type Reach, type ReachSums, reachOf } from './reach.ts'
import { type SampleRatio, sampleRatio } from './sample-ratio.ts'

/** What an experiment says so far. */
export interface ExperimentReport {
  readonly experiment: string
  /** When it was asked, in milliseconds since 1970. */
  readonly at: number
  /** Null where it is open. */
  readonly starts: number | null
  readonly ends: number | null
  /** What the other arms are compared with. */
  readonly control: string
  readonly arms: readonly ArmReport[]
  /** Undefined before anybody was shown anything. */
  readonly sampleRatio: SampleRatio | undefined
  /** The experiment's own measure, then its guardrails. */
  readonly measures: readonly MeasureReport[]
  /** Persons that were looked at. */
  readonly seen: number
  /** Shown more than one arm, as two profiles that were found to be one person: counted by the first. */
  readonly several: number
  /** In arms that the playbook does not have any more, and left out of everything else. */
  readonly formerly: number
}

export interface ArmReport {
  readonly arm: string
  /** Promised. */
  readonly share: number
  readonly shows: Shows
  /** Who was shown something. */
  readonly people: number
  /** How often it changed what was shown, against the control; undefined of the control itself. */
  readonly reach: Reach | undefined
  /** By day, in UTC, of when they were first shown something. */
  readonly days: readonly DayReport[]
}

export interface DayReport {
  /** When the day begins. */
  readonly at: number
  readonly people: number
  /** Those of them whose time is over. */
  readonly whole: number
  readonly did: number
}

export interface MeasureReport {
  /** Like `accept within 7 days`. */
  readonly measure: string
  /** Whether more of it is worse. */
  readonly isGuardrail: boolean
  readonly arms: readonly MeasuredArm[]
}

export interface MeasuredArm {
  readonly arm: string
  /** Whose time is over: the others are not measured yet. */
  readonly people: number
  readonly did: number
  /** Undefined before anybody is measured. */
  readonly rate: number | undefined
  /** Against the control; undefined of the control itself. */
  readonly compared: Comparison | undefined
}

/** `early`: too little happened to say anything; `open`: no difference is seen yet. */
export type Verdict = 'better' | 'worse' | 'open' | 'early'

export interface Comparison {
  readonly verdict: Verdict
  readonly lift: Lift
  /** With what people did before taken out (CUPED); undefined where nobody did anything before. */
  readonly adjusted: Lift | undefined
  /** Until a difference like this one is seen, as people came of late; undefined where none is in sight. */
  readonly wait: Wait | undefined
}

export interface Wait {
  readonly weeks: number
  /** In both arms. */
  readonly peoplePerWeek: number
}

/** Whoever is told of more than this will not wait. */
const weeksMax = 104

/**
 * @param against the arm that others are compared with; by default the one that does least: that
 *   shows default content, else any, else the best without what was learnt, else the first
 * @param reach of the arms against it
 */
export function experimentReport(
  experiment: Experiment,
  sums: ExperimentSums,
  now: number,
  against?: string,
  reach: readonly ReachSums[] = [],
): ExperimentReport {
  const { name, starts, ends, arms, measure, guardrails } = experiment
  const control = against ?? controlOf(arms)
  const counted = arms.map((arm) => armIn(sums, arm.name))
  const all = sums.arms.reduce((people, arm) => people + arm.people, 0)
  const people = counted.map((arm) => arm.people)
  return {
    experiment: name,
    at: now,
    starts: Number.isFinite(starts) ? starts : null,
    ends: Number.isFinite(ends) ? ends : null,
    control,
    arms: arms.map((arm, i) =>
      armReport(
        arm,
        counted[i] ?? armIn(sums, arm.name),
        arm.name === control ? undefined : reachOf(reach, arm.name),
      ),
    ),
    sampleRatio: sampleRatio(
      people,
      arms.map(({ share }) => share),
    ),
    measures: [measure, ...guardrails].map((one, i) =>
      measureReport(one, i, { arms, sums, control, now }),
    ),
    seen: sums.seen,
    several: sums.several,
    formerly: all - people.reduce((sum, count) => sum + count, 0),
  }
}

/** The arm that does least. */
export function controlOf(arms: readonly ExperimentArm[]): string {
  for (const shows of least) {
    const arm = arms.find((one) => one.shows === shows)
    if (arm) return arm.name
  }
  return arms[0]?.name ?? ''
}

const least = ['fallback', 'random', 'unlearned'] as const

/** Like `accept within 7 days`. */
export function measureText(measure: Measure): string {
  const what = measure.kind === 'event' ? measure.event : measure.outcome
  return `${what} within ${durationInWords(measure.withinMs)}`
}

function armReport(
  { name, share, shows }: ExperimentArm,
  sums: ReturnType<typeof armIn>,
  reach: Reach | undefined,
): ArmReport {
  return {
    arm: name,
    share,
    shows,
    people: sums.people,
    reach,
    days: sums.days.map(({ day, people, whole, did }) => ({ at: day * dayMs, people, whole, did })),
  }
}

interface Asked {
  readonly arms: readonly ExperimentArm[]
  readonly sums: ExperimentSums
  readonly control: string
  readonly now: number
}

function measureReport(measure: Measure, index: number, asked: Asked): MeasureReport {
  const isGuardrail = index > 0
  return {
    measure: measureText(measure),
    isGuardrail,
    arms: asked.arms.map(({ name }) => {
      const { people, did } = sumsOf(asked, name, index)
      return {
        arm: name,
        people,
        did,
        rate: people === 0 ? undefined : did / people,
        compared: name === asked.control ? undefined : comparison(asked, name, index, isGuardrail),
      }
    }),
  }
}

function comparison(asked: Asked, arm: string, index: number, isGuardrail: boolean): Comparison {
  const treatment = sumsOf(asked, arm, index)
  const control = sumsOf(asked, asked.control, index)
  const lift = plainLift(treatment, control)
  const verdict = verdictOf(lift, isGuardrail)
  const people = peopleUntilSeen(rateSums(treatment), rateSums(control))
  const weekly = peoplePerWeek(asked, arm)
  const weeks = ((people ?? 0) - treatment.people - control.people) / weekly
  const isWaiting = verdict === 'open' && people !== undefined && weekly > 0 && weeks <= weeksMax
  return {
    verdict,
    lift,
    adjusted: adjustedLift(treatment, control),
    wait: isWaiting ? { weeks, peoplePerWeek: weekly } : undefined,
  }
}

/** Of a guardrail, more is worse. */
function verdictOf({ interval }: Lift, isGuardrail: boolean): Verdict {
  if (interval === undefined) return 'early'
  if (interval.low > 0) return isGuardrail ? 'worse' : 'better'
  if (interval.high < 0) return isGuardrail ? 'better' : 'worse'
  return 'open'
}

function sumsOf({ sums }: Asked, arm: string, index: number) {
  return armIn(sums, arm).measures[index] ?? noMeasureSums
}

const weekDays = 7

/** People of an arm and the control who came first in the last seven days, or as many as there are. */
function peoplePerWeek({ sums, control, now }: Asked, arm: string): number {
  const days = [...armIn(sums, arm).days, ...armIn(sums, control).days]
  const first = Math.min(...days.map(({ day }) => day))
  const end = now / dayMs
  const since = Math.max(first, Math.floor(end) - weekDays)
  const people = days.reduce((sum, { day, people }) => sum + (day >= since ? people : 0), 0)
  return days.length === 0 ? 0 : (people / (end - since)) * weekDays
}
