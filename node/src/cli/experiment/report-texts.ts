import { count } from '../../core/learning/experiment-words.ts'
import { tableOf } from '../table.ts'
import type {
  ToldComparison,
  ToldInterval,
  ToldLift,
  ToldMeasure,
  ToldReach,
  ToldReport,
} from './told-report.ts'

/** A report for people: what it says, then the figures that it says it by. */
export function describeReport(report: ToldReport): string[] {
  const [own, ...guardrails] = report.measures
  if (own === undefined) return []
  return [
    `${report.experiment}: ${own.measure}${sinceOf(report)}`,
    '',
    ...report.words.map((words) => `  ${words}`),
    '',
    ...peopleTable(report),
    '',
    ...measureTable(own, report),
    ...guardrails.flatMap((one) => ['', `guardrail ${one.measure}`, ...measureTable(one, report)]),
    '',
    ...notesOf(report),
  ]
}

/** A share with its sign, like `+6.4 %`. */
export function signed(share: number): string {
  const value = 100 * share
  const digits = Math.abs(value) >= 100 ? 0 : 1
  return `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(digits)} %`
}

/** A lift with its interval, like `+6.4 % (+3.1 % to +9.8 %)`. */
export function liftText({ relative, low, high, difference }: ToldLift): string {
  if (difference !== undefined) return pointsText(difference)
  if (relative === undefined) return '-'
  if (low === undefined || high === undefined) return `${signed(relative)} (no interval yet)`
  return `${signed(relative)} (${signed(low)} to ${signed(high)})`
}

/** Of rates that are no share of anything, like `+1.20 to +3.45 points`. */
export function pointsText({ low, high }: ToldInterval): string {
  const [from = '', to = ''] = [low, high].map(
    (end) => `${end >= 0 ? '+' : '−'}${Math.abs(100 * end).toFixed(2)}`,
  )
  return `${from} to ${to} points`
}

function sinceOf({ starts, ends }: ToldReport): string {
  const from = starts === '' ? '' : `, since ${starts.slice(0, 10)}`
  return ends === '' ? from : `${from}, until ${ends.slice(0, 10)}`
}

function peopleTable({ arms, control }: ToldReport): string[] {
  const all = arms.reduce((sum, { people }) => sum + people, 0)
  return tableOf([
    ['arm', 'shows', 'people', 'promised', 'got', `other than ${control} would`],
    ...arms.map(({ arm, shows, people, share, reach }) => [
      arm,
      shows,
      count(people),
      percent(share),
      all === 0 ? '-' : percent(people / all),
      reach ? reachText(reach) : '',
    ]),
  ])
}

/** How often an arm changed what was shown, like `41.20 % of 1,950 decisions, 50 not known`. */
export function reachText({ share, of, notKnown }: ToldReach): string {
  if (share === undefined) return notKnown === 0 ? '-' : `not known of ${count(notKnown)} decisions`
  const rest = notKnown === 0 ? '' : `, ${count(notKnown)} not known`
  return `${percent(share)} of ${count(of)} decisions${rest}`
}

function measureTable({ arms }: ToldMeasure, { control }: ToldReport): string[] {
  const isAdjusted = arms.some(({ compared }) => compared?.adjusted !== undefined)
  return tableOf([
    [
      'arm',
      'measured',
      'did it',
      'rate',
      `against ${control}`,
      ...(isAdjusted ? ['adjusted by what they did before'] : []),
    ],
    ...arms.map(({ arm, people, did, compared }) => [
      arm,
      count(people),
      count(did),
      people === 0 ? '-' : percent(did / people),
      compared ? liftText(compared.plain) : '',
      ...(isAdjusted ? [adjustedText(compared)] : []),
    ]),
  ])
}

function adjustedText(compared: ToldComparison | undefined): string {
  return compared?.adjusted ? liftText(compared.adjusted) : ''
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

function notesOf({ ratio, several, formerly, seen, arms, measures }: ToldReport): string[] {
  const shown = arms.reduce((sum, { people }) => sum + people, 0)
  const measured = measures[0]?.arms.reduce((sum, { people }) => sum + people, 0) ?? 0
  return [
    `${count(shown)} of ${count(seen)} people were shown something; the time of ${count(measured)} is over, and only they are measured`,
    ...(ratio
      ? [`shares: ${ratio.isAlarm ? 'ALARM' : 'as promised'} (p = ${probability(ratio.p)})`]
      : []),
    ...(several > 0
      ? [
          `${count(several)} were shown more than one arm before they were found to be one person; they count by the first`,
        ]
      : []),
    ...(formerly > 0
      ? [
          `${count(formerly)} are in arms that the playbook does not have any more, and are left out`,
        ]
      : []),
  ]
}

function probability(p: number): string {
  return p < 0.0001 ? p.toExponential(1) : p.toFixed(4)
}
