import { durationInWords } from '../../core/duration.ts'
import type { Changes, OfferChange, Tally } from '../../core/learning/candidate-changes.ts'
import type { CandidateEstimate } from '../../core/learning/candidate-estimate.ts'
import type { WantedReward } from '../../core/learning/candidate-replay.ts'
import { differsInNothing } from '../../core/learning/candidate-verdict.ts'
import type { ReplayTally } from '../../core/learning/replay-tally.ts'
import type { Verdict } from '../../core/learning/verdict.ts'
import { count, describeSeconds } from '../import/progress.ts'
import { tableOf } from '../table.ts'
import {
  decimal,
  describeVerdict,
  estimateAsJson,
  estimateTable,
  percent,
} from './backtest-texts.ts'
import { weightWarnings } from './warnings.ts'

/** All that a backtest of a candidate playbook found. */
export interface CandidateBacktest {
  /** The file of the candidate. */
  readonly candidate: string
  readonly reward: WantedReward
  readonly read: ReplayTally
  readonly placements: readonly PlacementBacktest[]
  /** Where the candidate shows more than one offer, or items of a catalogue. */
  readonly notes: readonly string[]
  readonly used: CandidateUse
}

export interface PlacementBacktest {
  readonly placement: string
  readonly changes: Changes
  readonly estimate: CandidateEstimate
  readonly verdict: Verdict
  /** Decisions of which too little was logged, at any placement. */
  readonly faulty: number
  readonly warnings: readonly string[]
}

export interface CandidateUse {
  readonly seconds: number
  /** Of all threads. */
  readonly cpuSeconds: number
  /** The most that the process had at any time. */
  readonly memoryBytes: number
}

/** An arm below this share of what a candidate shows is not worth a warning. */
const shareWarned = 0.01

/** Where the log covers less than this of what the candidate shows of an arm, the rest is a guess. */
const coveredWarned = 0.8

/** Named one by one. */
const namedMax = 5

/** What an author should know before believing an estimate. */
export function candidateWarnings({ support, ...estimate }: CandidateEstimate): string[] {
  const matters = support.filter(({ share }) => share >= shareWarned)
  const never = matters.filter(({ logged }) => logged === 0)
  const thinly = matters.filter(({ logged, covered }) => logged > 0 && covered < coveredWarned)
  return [
    ...never
      .slice(0, namedMax)
      .map(
        ({ arm, share }) =>
          `the log never shows ${arm} here, ${percent(share)} of what the candidate shows: nothing is known of what it earns`,
      ),
    ...thinly
      .slice(0, namedMax)
      .map(
        ({ arm, share, covered }) =>
          `the log shows ${arm} to few of those who would see it, ${percent(share)} of what the candidate shows: ${percent(covered)} of that is covered`,
      ),
    ...weightWarnings(estimate),
  ]
}

/** Numbers unrounded; an interval is `[low, high]`. */
export function candidateAsJson(found: CandidateBacktest): { readonly [name: string]: unknown } {
  const { placements, read, ...rest } = found
  const { from, to, ...counts } = read
  return {
    ...rest,
    read: { ...counts, from: isoTime(from), to: isoTime(to) },
    placements: placements.map(({ changes, estimate, verdict, ...one }) => ({
      ...one,
      ...changes,
      ...estimateAsJson(estimate, verdict),
    })),
  }
}

export function describeCandidate(found: CandidateBacktest): string[] {
  const { candidate, read, placements, notes, used } = found
  return [
    `${candidate} over ${count(read.decisions)} logged decisions${timeOf(read)}`,
    ...readLines(read),
    ...notes.map((note) => `note: ${note}`),
    ...placements.flatMap((one) => ['', ...placementLines(one, found)]),
    '',
    `${count(read.decisions)} decisions in ${describeSeconds(used.seconds)}; used ${describeSeconds(used.cpuSeconds)} of processor time and at most ${count(used.memoryBytes / 1e6)} MB of memory`,
  ]
}

function timeOf({ from, to }: ReplayTally): string {
  return from === 0 ? '' : `, ${isoTime(from)} to ${isoTime(to)}`
}

function readLines({ whole, partial, rebuilt, dropped, missing, ...read }: ReplayTally): string[] {
  const known = whole + partial
  const some = Object.entries(dropped).map(([reason, n]) => `${count(n)} ${reason}`)
  const sampled = Object.entries(read.sampled).filter(([oneOf]) => oneOf !== '1')
  const named = missing.slice(0, namedMax).join(', ')
  const more = missing.length > namedMax ? ` and ${count(missing.length - namedMax)} more` : ''
  return [
    `decided by ${versions('playbook version', read.playbooks)}; ${versions('model version', read.models)}`,
    ...(known === 0
      ? []
      : [
          `what the candidate looks at is known of ${percent(whole / known)} of them, in part of ${percent(partial / known)}`,
        ]),
    ...(missing.length === 0 ? [] : [missingLine(`${named}${more}`, rebuilt / known)]),
    ...(some.length === 0 ? [] : [`left out: ${some.join(', ')}`]),
    ...sampled.map(
      ([oneOf, n]) =>
        `one of ${oneOf} decisions was logged for a time: ${count(n)} of them, which count ${oneOf} times`,
    ),
  ]
}

function missingLine(named: string, rebuilt: number): string {
  if (rebuilt === 1) return `never logged, so made anew from timelines: ${named}`
  const beside =
    rebuilt > 0
      ? `; in ${percent(rebuilt)} made anew from timelines`
      : ', but --timelines makes it anew'
  return `never logged, so unknown to the candidate: ${named}${beside}`
}

function versions(name: string, counts: { readonly [version: string]: number }): string {
  const all = Object.keys(counts)
  if (all.length === 0) return `no ${name}`
  return all.length === 1 ? `${name} ${all[0]}` : `${name}s ${all[0]} to ${all.at(-1)}`
}

function placementLines(one: PlacementBacktest, { reward }: CandidateBacktest): string[] {
  const { placement, changes, estimate, warnings } = one
  const { rows, people, ess, maxWeight } = estimate
  return [
    `${placement}: ${count(rows)} decisions for ${count(people)} people`,
    `the same is shown in ${percent(changes.agreement)}${otherItems(changes)}; any offer in ${percent(changes.reachAfter)}, before ${percent(changes.reachBefore)}`,
    ...changesTable(changes.offers),
    '',
    ...estimateTable(`decision`, 'candidate', estimate),
    '',
    `a reward is ${reward.outcome} within ${durationInWords(reward.withinMs)}`,
    `effective sample size ${decimal(ess)} of ${count(people)} people; largest weight ${decimal(maxWeight)}`,
    `verdict: ${verdictOf(one)}`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ]
}

function verdictOf({ changes, estimate, verdict, faulty }: PlacementBacktest): string {
  return verdict.kind === 'undecided' && differsInNothing(changes, estimate)
    ? 'undecided: no decision differs, so the candidate earns what the log earned'
    : describeVerdict(verdict, estimate, faulty)
}

function otherItems({ otherItems }: Changes): string {
  return otherItems === 0 ? '' : `, other items of the same offers in ${percent(otherItems)}`
}

function changesTable(offers: readonly OfferChange[]): string[] {
  if (offers.length === 0) return []
  return tableOf([
    ['offer', 'decisions', 'gained', 'lost', 'people', 'gained', 'lost'],
    ...offers.map(({ offer, decisions, people }) => [offer, ...cells(decisions), ...cells(people)]),
  ])
}

function cells({ before, after, gained, lost }: Tally): string[] {
  return [`${count(before)} to ${count(after)}`, count(gained), count(lost)]
}

function isoTime(at: number): string {
  return new Date(at).toISOString()
}
