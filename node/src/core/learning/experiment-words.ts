import type { Comparison, ExperimentReport, MeasureReport } from './experiment-report.ts'
import { alpha, expectedMin, peopleMin } from './lift.ts'

/** What a report says, in sentences: the verdict first. */
export function reportInWords(report: ExperimentReport): string[] {
  const [own, ...guardrails] = report.measures
  if (own === undefined) return []
  if (report.arms.every(({ people }) => people === 0)) return ['nobody was shown anything yet']
  const lines = report.sampleRatio?.isAlarm ? ratioInWords(report) : []
  const said = verdictsOf(own, report.control).map(([, words]) => words)
  lines.push(...said)
  for (const guardrail of guardrails)
    for (const [{ verdict }, words] of verdictsOf(guardrail, report.control))
      if (verdict === 'worse') lines.push(`guardrail ${guardrail.measure}: ${words}`)
  lines.push(stoppingInWords(report, own, guardrails))
  return lines
}

/** What one arm is against the control, like `ours is better than none by 3.1 % to 9.8 %`. */
export function comparisonInWords(arm: string, control: string, compared: Comparison): string {
  const { verdict, lift, wait } = compared
  if (verdict === 'early' || lift.interval === undefined)
    return `${arm}: too early to compare it with ${control}`
  const { low, high, relative } = lift.interval
  const from = relative === undefined ? points(low) : percent(relative.low)
  const to = relative === undefined ? points(high) : percent(relative.high)
  if (verdict !== 'open') {
    const isMore = low > 0
    const by = isMore ? `${from} to ${to}` : `${to} to ${from}`
    return `${arm} is ${verdict} than ${control}: ${by} ${isMore ? 'more' : 'less'}`
  }
  const weeks = wait && Math.max(1, Math.ceil(wait.weeks))
  const after = wait
    ? `; if it goes on like this, about ${weeks} ${weeks === 1 ? 'week' : 'weeks'} more, with ${count(wait.peoplePerWeek)} people a week`
    : ''
  return `${arm}: no difference to ${control} seen yet, anything from ${from} less to ${to} more${after}`
}

type Judged = readonly [compared: Comparison, words: string]

function verdictsOf({ arms }: MeasureReport, control: string): Judged[] {
  return arms.flatMap(({ arm, compared }) =>
    compared === undefined ? [] : [[compared, comparisonInWords(arm, control, compared)] as const],
  )
}

function ratioInWords({ arms, sampleRatio }: ExperimentReport): string[] {
  const all = arms.reduce((sum, { people }) => sum + people, 0)
  const got = arms.map(
    ({ arm, people, share }) =>
      `${arm} ${((100 * people) / all).toFixed(2)} % instead of ${(100 * share).toFixed(2)} %`,
  )
  return [
    `ALARM: the arms did not get the people they were promised (${got.join(', ')}; by chance once in ${odds(sampleRatio?.p ?? 0)}): believe none of the figures below`,
    'look for: displays of default content that nobody reports, shares that were changed while it ran, content of one arm that fails to load or to report its display, a redirect or a cache in front of one arm, bots that load one arm only',
  ]
}

function odds(p: number): string {
  return p < 1e-9 ? 'more than a billion times' : `${count(1 / p)} times`
}

/** The interval is good at any time, so whoever sees enough may stop. */
function stoppingInWords(
  { sampleRatio }: ExperimentReport,
  own: MeasureReport,
  guardrails: readonly MeasureReport[],
): string {
  if (sampleRatio?.isAlarm)
    return 'do not decide by it; find the cause, and start again under another name'
  const compared = own.arms.flatMap((one) => (one.compared ? [one.compared] : []))
  const isDecided = compared.every(({ verdict }) => verdict === 'better' || verdict === 'worse')
  const isHarmful = guardrails.some(({ arms }) =>
    arms.some((one) => one.compared?.verdict === 'worse'),
  )
  if (isHarmful) return 'it may be stopped now: a guardrail is worse'
  if (isDecided) return 'it may be stopped now'
  if (compared.every(({ verdict }) => verdict === 'early'))
    return `too early: it takes ${peopleMin} people in the smaller arm, of whom ${expectedMin} are expected to do it, and ${expectedMin} not to, when their time is over`
  return `it may be stopped at any time, and looked at as often as you like: the chance of ever seeing a difference that is not there is at most ${100 * alpha} % for each arm`
}

function percent(share: number): string {
  const value = 100 * Math.abs(share)
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} %`
}

function points(share: number): string {
  return `${(100 * Math.abs(share)).toFixed(2)} points`
}

/** With commas between thousands. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}
