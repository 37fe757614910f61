import type { Truth } from '../condition/compile.ts'
import type { Finding } from '../condition/read.ts'
import type { LimitState } from './limits.ts'
import type { Condition, Limit, Offer } from './playbook.ts'
import { rankWords, scoreWords } from './rank-words.ts'
import type { Judged } from './verdict.ts'

/** Why a candidate has its verdict: the rule in its author's words, then the values compared. */
export function reasonOf(judged: Judged, all: readonly Judged[]): string {
  const { candidate, verdict, findings, limitState } = judged
  const { offer, treatment } = candidate
  switch (verdict.kind) {
    case 'chosen':
      return `${admittedBy(offer.when, findings)}; ${scoreWords(judged)}${chanceWords(judged)}`
    case 'outranked': {
      const last = all.findLast((one) => one.verdict.kind === 'chosen')
      const ahead = last === undefined ? '' : aheadWords(last, judged)
      return `${admittedBy(offer.when, findings)}; ${scoreWords(judged)}${ahead}`
    }
    case 'taken':
      return 'shown at another placement of the same answer'
    case 'content':
      return `${treatment} cannot be filled in: ${told(findings.filter(isUnknown))}`
    case 'when':
      return ruleOf('when', offer.when, verdict.truth, findings)
    case 'never':
      return ruleOf('never', offer.never, verdict.truth, findings)
    case 'group-never':
      return ruleOf(`never of ${offer.group?.name}`, offer.group?.never, verdict.truth, findings)
    case 'limit':
      return limitReason(verdict.limit, limitState)
    case 'strict':
      return verdict.why === 'standby'
        ? 'a strict limit counts it, and only the primary of the shard can grant it'
        : 'a strict limit counts it, and something else was granted first'
    case 'placement-limit':
      return `the placement has ${limitReason(verdict.limit, limitState)}`
    case 'inactive':
      return activeWords(offer)
    case 'quiet':
      return `the channel has quiet hours, ${verdict.quiet.text} where the visitor is`
    case 'channel':
      return ruleOf('the channel needs', verdict.condition, verdict.truth, findings)
  }
}

/** Whatever is chosen by chance may have the smaller score: then nobody is behind it. */
function aheadWords(chosen: Judged, other: Judged): string {
  const words = `${chosen.candidate.offer.name} (${rankWords(chosen)})`
  const ahead = chosen.candidate.offer.priority - other.candidate.offer.priority
  const isAhead = ahead > 0 || (ahead === 0 && chosen.score.score >= other.score.score)
  return chosen.probability !== undefined && !isAhead
    ? `, but chance showed ${words}`
    : `, behind ${words}`
}

/** Chosen by chance, it need not have the greatest score. */
function chanceWords({ probability }: Judged): string {
  return probability === undefined
    ? ''
    : `; left to chance, with a probability of ${Number((probability * 100).toPrecision(3))} %`
}

/** `complaining is true, traits.tier is "gold"` */
function told(findings: readonly Finding[]): string {
  return findings.map(({ text, value }) => `${text} is ${valueText(value)}`).join(', ')
}

function valueText(value: Finding['value']): string {
  return value === undefined ? 'unknown' : JSON.stringify(value)
}

export function isUnknown({ value }: Finding): boolean {
  return value === undefined
}

function admittedBy(when: Condition | undefined, findings: readonly Finding[]): string {
  return when === undefined ? 'always admitted' : ruleOf('when', when, true, findings)
}

function ruleOf(
  word: string,
  rule: Condition | undefined,
  truth: Truth,
  findings: readonly Finding[],
): string {
  const text = rule?.text.trim().replaceAll(/\s+/g, ' ') ?? ''
  const head = `${word}: ${text} is ${truth ?? 'unknown'}`
  const [only] = findings
  const saysNoMore = findings.length === 0 || (findings.length === 1 && only?.text === text)
  return saysNoMore ? head : `${head} (${told(findings)})`
}

/** `at most 4 display per day across group: 4 so far`, `accepted: retired on 2025-06-18T10:00:00.000Z` */
export function limitReason(limit: Limit, state: LimitState | undefined): string {
  if (state === undefined) return limit.text
  if (state.until !== undefined) return `${limit.text}: until ${isoTime(state.until)}`
  if (limit.window.kind === 'lifetime' && limit.max === 1 && state.last !== undefined)
    return `${limit.text}: since ${isoTime(state.last)}`
  if (state.soFar === undefined) return `${limit.text}: not known yet`
  return `${limit.text}: ${state.soFar} so far`
}

function activeWords({ starts, ends }: Offer): string {
  const parts = [
    ...(Number.isFinite(starts) ? [`from ${isoTime(starts)}`] : []),
    ...(Number.isFinite(ends) ? [`until ${isoTime(ends)}`] : []),
  ]
  return `shown ${parts.join(' ')} only`
}

function isoTime(at: number): string {
  return new Date(at).toISOString()
}
