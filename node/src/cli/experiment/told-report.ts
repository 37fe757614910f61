import { numberOf } from '../cluster-answer.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'

/** A report as a node tells it, as far as commands read it. */
export interface ToldReport {
  readonly experiment: string
  readonly at: string
  readonly starts: string
  readonly ends: string
  readonly control: string
  readonly words: readonly string[]
  readonly arms: readonly ToldArm[]
  /** Undefined before anybody was shown anything. */
  readonly ratio: { readonly p: number; readonly isAlarm: boolean } | undefined
  readonly measures: readonly ToldMeasure[]
  readonly seen: number
  readonly several: number
  readonly formerly: number
}

export interface ToldArm {
  readonly arm: string
  readonly shows: string
  readonly share: number
  readonly people: number
  /** Undefined of the control. */
  readonly reach: ToldReach | undefined
  readonly days: readonly ToldDay[]
}

export interface ToldReach {
  /** Undefined where nothing could be compared. */
  readonly share: number | undefined
  readonly of: number
  readonly notKnown: number
}

export interface ToldDay {
  readonly at: string
  readonly people: number
  readonly whole: number
  readonly did: number
}

export interface ToldMeasure {
  readonly measure: string
  readonly isGuardrail: boolean
  readonly arms: readonly ToldMeasuredArm[]
}

export interface ToldMeasuredArm {
  readonly arm: string
  readonly people: number
  readonly did: number
  /** Undefined of the control. */
  readonly compared: ToldComparison | undefined
}

export interface ToldComparison {
  readonly verdict: string
  readonly plain: ToldLift
  readonly adjusted: ToldLift | undefined
}

/** As a share of the control. */
export interface ToldLift {
  readonly relative: number | undefined
  readonly low: number | undefined
  readonly high: number | undefined
  /** The interval of the difference itself, where it is no share: the control hardly ever does it. */
  readonly difference: ToldInterval | undefined
}

export interface ToldInterval {
  readonly low: number
  readonly high: number
}

/** @throws HalfsecondError `MALFORMED` */
export function reportIn(answer: unknown): ToldReport {
  const all = fieldsOf(answer)
  const words: unknown[] = Array.isArray(all.words) ? all.words : []
  const ratio = all.sampleRatio === undefined ? undefined : fieldsOf(all.sampleRatio)
  return {
    experiment: textOf(all.experiment),
    at: textOf(all.at),
    starts: timeIn(all.starts),
    ends: timeIn(all.ends),
    control: textOf(all.control),
    words: words.map(textOf),
    arms: listOf(all.arms).map(armIn),
    ratio: ratio && { p: numberOf(ratio.p), isAlarm: ratio.isAlarm === true },
    measures: listOf(all.measures).map(({ measure, isGuardrail, arms }) => ({
      measure: textOf(measure),
      isGuardrail: isGuardrail === true,
      arms: listOf(arms).map(measuredIn),
    })),
    seen: numberOf(all.seen),
    several: numberOf(all.several),
    formerly: numberOf(all.formerly),
  }
}

/** Empty where it is open. */
function timeIn(value: unknown): string {
  return value === null ? '' : textOf(value)
}

function armIn({ arm, shows, share, people, reach, days }: Fields): ToldArm {
  return {
    arm: textOf(arm),
    shows: textOf(shows),
    share: numberOf(share),
    people: numberOf(people),
    reach: reach === undefined ? undefined : reachIn(fieldsOf(reach)),
    days: listOf(days).map((day) => ({
      at: textOf(day.at),
      people: numberOf(day.people),
      whole: numberOf(day.whole),
      did: numberOf(day.did),
    })),
  }
}

function reachIn({ share, of, notKnown }: Fields): ToldReach {
  return { share: shareIn(share), of: numberOf(of), notKnown: numberOf(notKnown) }
}

function measuredIn({ arm, people, did, compared }: Fields): ToldMeasuredArm {
  return {
    arm: textOf(arm),
    people: numberOf(people),
    did: numberOf(did),
    compared: compared === undefined ? undefined : comparisonIn(fieldsOf(compared)),
  }
}

function comparisonIn({ verdict, lift, adjusted }: Fields): ToldComparison {
  return {
    verdict: textOf(verdict),
    plain: liftIn(fieldsOf(lift)),
    adjusted: adjusted === undefined ? undefined : liftIn(fieldsOf(adjusted)),
  }
}

function liftIn({ relative, interval }: Fields): ToldLift {
  const whole = interval === undefined ? {} : fieldsOf(interval)
  const isShare = 'relative' in whole
  const { low, high } = isShare ? fieldsOf(whole.relative) : {}
  const difference =
    interval === undefined || isShare
      ? undefined
      : { low: numberOf(whole.low), high: numberOf(whole.high) }
  return { relative: shareIn(relative), low: shareIn(low), high: shareIn(high), difference }
}

function shareIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
