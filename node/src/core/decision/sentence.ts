import type { Reason } from '@halfsecond/protocol'
import type { Finding } from '../condition/read.ts'
import { measureWords, windowWords, words } from './measure-words.ts'
import type { Limit, Placement } from './playbook.ts'
import { isUnknown } from './reasons.ts'
import type { Judged, Trace, Verdict } from './verdict.ts'

/** Findings named in one breath. */
const namedMax = 4

/** Words that differ for what is shown now and what was shown then. */
interface Tense {
  readonly place: string
  readonly because: string
  readonly is: string
  readonly now: string
}

/**
 * Why a placement shows what it shows, as an agent can say it to the customer.
 * @param when a time in words, where it was shown then: `27 November 2026 at 14:03`
 */
export function sentenceOf(
  placement: Placement,
  reason: Reason,
  trace: Trace | undefined,
  when?: string,
): string {
  const { name } = placement
  const tense: Tense =
    when === undefined
      ? { place: `At ${name} you see`, because: 'because', is: 'is', now: 'now' }
      : {
          place: `On ${when}, at ${name}, you saw`,
          because: 'because at that time',
          is: 'was',
          now: 'then',
        }
  const { place, because, is, now } = tense
  const fallback = `${place} what everybody sees`
  if (reason === 'consent')
    return `${fallback}, ${because} ${when === undefined ? 'without your consent' : 'there was no consent of yours, and without it'} nothing is chosen for you.`
  if (reason === 'holdout')
    return `${fallback}, ${because} you ${when === undefined ? 'are' : 'were'} one of a few who are shown nothing else, so that it can be told what the others have of it.`
  const candidates = trace?.candidates ?? []
  const chosen = candidates.filter(({ verdict }) => verdict.kind === 'chosen')
  if (chosen.length > 0)
    return `${place} ${chosen.map((one) => chosenWords(one, tense)).join('; and ')}.`
  const nearest = furthest(candidates)
  if (nearest === undefined) return `${fallback}, ${because} there ${is} no offer for this place.`
  if (nearest.verdict.kind === 'placement-limit')
    return `${fallback}, because it ${when === undefined ? 'has' : 'had'} shown you enough for ${now}.`
  if (nearest.verdict.kind === 'quiet')
    return `${fallback}, because you are not disturbed at ${when === undefined ? 'this' : 'that'} time of day.`
  if (nearest.verdict.kind === 'channel')
    return `${fallback}, because you are not to be reached this way: ${foundWords(decisive(nearest.verdict, nearest.findings))}.`
  const named = `${words(nearest.candidate.offer.name)}, ${heldBack(nearest, tense)}`
  return candidates.length === 1
    ? `${fallback}: the only offer, ${named}.`
    : `${fallback}: of ${candidates.length} offers none ${is} for you ${now}. The nearest, ${named}.`
}

const stages: readonly Verdict['kind'][] = [
  'inactive',
  'when',
  'never',
  'group-never',
  'limit',
  'strict',
  'content',
]

/** The candidate that passed the most rules; among equals the best. */
function furthest(candidates: readonly Judged[]): Judged | undefined {
  let nearest: Judged | undefined
  for (const one of candidates) {
    const stage = stages.indexOf(one.verdict.kind)
    if (nearest === undefined || stage > stages.indexOf(nearest.verdict.kind)) nearest = one
  }
  return nearest
}

function chosenWords(judged: Judged, { because }: Tense): string {
  const { candidate, findings, probability, score } = judged
  const name = words(candidate.offer.name)
  if (findings.length === 0 && probability !== undefined)
    // Before the first model, and in an arm that shows anything, others have no say in it.
    return `${name}, by chance${score.propensity === 1 ? '' : ' and by what others took to'}`
  return findings.length === 0 ? name : `${name}, ${because} ${foundWords(findings)}`
}

/** Why the best candidate is not shown. */
function heldBack({ verdict, findings, limitState }: Judged, { because, is, now }: Tense): string {
  switch (verdict.kind) {
    case 'when':
      return `${is} not for you ${now}, ${because} ${foundWords(decisive(verdict, findings))}`
    case 'never':
    case 'group-never':
      return `${is} held back, ${because} ${foundWords(decisive(verdict, findings))}`
    case 'content':
      return `cannot be filled in, ${because} ${foundWords(findings.filter(isUnknown))}`
    case 'limit':
    case 'placement-limit':
      return limitState !== undefined && limitState.soFar === undefined
        ? 'waits until it is known how often you saw it elsewhere'
        : limitWords(verdict.limit)
    case 'strict':
      return 'cannot be promised to you at this moment'
    case 'taken':
      return `${is} shown beside it already`
    case 'inactive':
      return 'has its time before or after this'
    case 'quiet':
    case 'channel':
      return `${is} not for this channel ${now}`
    case 'chosen':
    case 'outranked':
      return `${is} for you`
  }
}

/** Where a rule came to nothing because something is unknown, that is what to say. */
function decisive(
  verdict: Extract<Verdict, { readonly truth: unknown }>,
  findings: readonly Finding[],
): readonly Finding[] {
  const unknown = findings.filter(isUnknown)
  return verdict.truth === undefined && unknown.length > 0 ? unknown : findings
}

const pastOf = {
  display: 'was shown to you',
  click: 'was clicked by you',
  accept: 'was accepted by you',
  reject: 'was declined by you',
  cancel: 'was cancelled by you',
  dismiss: 'was closed by you',
  unsubscribe: 'was unsubscribed by you',
  'unsubscribe group': 'was unsubscribed by you, with all of its kind,',
} as const

function limitWords({ on, max }: Limit): string {
  const past = pastOf[on]
  return max === 1 ? `${past} already` : `${past} often enough`
}

/** `complaining, and tier is gold` */
function foundWords(findings: readonly Finding[]): string {
  const named = findings.slice(0, namedMax).map(findingWords)
  if (named.length === 0) return 'of its rule'
  const last = named.pop() ?? ''
  return named.length === 0 ? last : `${named.join(', ')} and ${last}`
}

function findingWords({ kind, text, value }: Finding): string {
  switch (kind) {
    case 'fact':
      return truthWords(words(text), value)
    case 'trait': {
      const name = words(text.replace(/^traits\s*\.\s*/, ''))
      if (value === undefined) return `${name} is not known`
      if (typeof value === 'boolean') return truthWords(name, value)
      return `${name} is ${Array.isArray(value) ? value.join(', ') : String(value)}`
    }
    case 'item': {
      const name = words(text.replace(/^item\s*\.\s*/, ''))
      return value === undefined ? `its ${name} is not known` : `its ${name} is ${String(value)}`
    }
    case 'request':
      return `this is ${String(value)}`
    case 'arm': {
      const [experiment = ''] = /(?<=["'])[^"']*/.exec(text) ?? []
      return value === undefined
        ? `you are not in the experiment ${words(experiment)}`
        : `in the experiment ${words(experiment)} you are in ${words(String(value))}`
    }
    case 'count': {
      const [event, window] = argumentsIn(text)
      if (value === undefined)
        return `how often there was ${words(event)} in ${windowWords(window)} is not known yet`
      return `${words(event)} counted ${String(value)} times in ${windowWords(window)}`
    }
    case 'recent': {
      const [event, window] = argumentsIn(text)
      if (value === undefined)
        return `whether there was a fitting ${words(event)} in ${windowWords(window)} is not known yet`
      return `there is ${value === true ? 'a' : 'no'} fitting ${words(event)} in ${windowWords(window)}`
    }
    default:
      return measureWords(kind, text, value)
  }
}

function truthWords(name: string, value: Finding['value']): string {
  if (value === undefined) return `whether ${name} holds is not known`
  return value === true ? name : `not ${name}`
}

/** Event and window of `count("page", "1d")` or `recent("page", "1d").exists(…)`. */
function argumentsIn(text: string): [string, string] {
  const [, event = '', window = ''] = /["']([^"']*)["']\s*,\s*["']([^"']*)["']/.exec(text) ?? []
  return [event, window]
}
