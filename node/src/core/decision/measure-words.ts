import type { Measure } from '../condition/expression.ts'
import type { Finding } from '../condition/read.ts'

/** What a measure found, as an agent can say it. @param text as the author wrote it */
export function measureWords(kind: Measure['kind'], text: string, value: Finding['value']): string {
  if (kind === 'sequence' || kind === 'current') return claimWords(kind, text, value)
  const subject = subjectOf(kind, text)
  if (value === undefined) return `${subject} is not known yet`
  return `${subject} is ${typeof value === 'string' ? words(value) : valueWords(value)}`
}

function claimWords(kind: 'sequence' | 'current', text: string, value: Finding['value']): string {
  const not = value === false ? 'not ' : ''
  const claim =
    kind === 'current'
      ? `your last step is ${not}a fitting ${quoted(text)[0] ?? ''}`
      : `in ${windowWords(quoted(text)[0] ?? '')} you did ${not}go from ${stepsOf(text).join(' to ')}`
  return value === undefined ? `whether ${claim} is not known yet` : claim
}

function subjectOf(kind: Exclude<Measure['kind'], 'sequence' | 'current'>, text: string): string {
  const [first = '', second = '', third = ''] = quoted(text)
  switch (kind) {
    case 'sum':
      return `the sum of ${second} of ${first} in ${windowWords(third)}`
    case 'min':
      return `the least ${second} of ${first} in ${windowWords(third)}`
    case 'max':
      return `the greatest ${second} of ${first} in ${windowWords(third)}`
    case 'distinct':
      return `the number of different ${second} of ${first} in ${windowWords(third)}`
    case 'affinity':
      return `your liking for ${third} by ${first}`
    case 'favourite':
      return `your favourite ${second} by ${first}`
    case 'latest':
      return `the latest ${second} of ${first}`
    case 'event-name':
      return 'your last step'
    case 'session-events':
      return 'the number of your steps this time'
    case 'session-minutes':
      return 'the time that you have been here in minutes'
    case 'stage':
      return 'the stage that you are in'
    case 'clock':
      return text.includes('weekday')
        ? 'the day of the week where you are'
        : 'the hour where you are'
  }
}

function valueWords(value: Exclude<Finding['value'], undefined>): string {
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : String(value)
}

/** Names of the events of the steps of a sequence. */
function stepsOf(text: string): string[] {
  return [...text.matchAll(/\bstep\s*\(\s*["']([^"']*)["']/g)].map(([, event = '']) => words(event))
}

/** The constant texts among the arguments; what is no window as words. */
function quoted(text: string): string[] {
  return [...text.matchAll(/["']([^"']*)["']/g)].map(([, one = '']) =>
    /^\d+[smhdw]$/.test(one) ? one : words(one),
  )
}

/** `store-card`, `seekingHelp`, `card_charged` → words. */
export function words(name: string): string {
  return name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll(/[-_\s]+/g, ' ')
    .trim()
    .toLowerCase()
}

const unitWords: { readonly [unit: string]: string } = {
  s: 'seconds',
  m: 'minutes',
  h: 'hours',
  d: 'days',
  w: 'weeks',
}

export function windowWords(window: string): string {
  const count = window.slice(0, -1)
  const unit = unitWords[window.slice(-1)] ?? ''
  return count === '1' ? `the last ${unit.slice(0, -1)}` : `the last ${count} ${unit}`
}
