import type { Measure } from '../condition/expression.ts'
import type { Finding } from '../condition/read.ts'

/** What a measure found, as an agent can say it. @param text as the author wrote it */
export function measureWords(kind: Measure['kind'], text: string, value: Finding['value']): string {
  if (value === undefined) return `${subjectOf(kind, text)} is not known yet`
  switch (kind) {
    case 'sequence':
      return `${subjectOf(kind, text)} is ${value === true ? 'so' : 'not so'}`
    case 'current':
      return `the last event is ${value === true ? 'a' : 'no'} fitting ${quoted(text)[0] ?? ''}`
    case 'event-name':
    case 'stage':
      return `${subjectOf(kind, text)} is ${words(String(value))}`
    default:
      return `${subjectOf(kind, text)} is ${String(value)}`
  }
}

function subjectOf(kind: Measure['kind'], text: string): string {
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
      return `the liking for ${third} by ${first}`
    case 'sequence': {
      const steps = [...text.matchAll(/step\s*\(\s*["']([^"']*)["']/g)].map(([, step = '']) =>
        words(step),
      )
      return `that ${steps.join(', then ')} happened in ${windowWords(first)}`
    }
    case 'current':
      return `whether the last event is a fitting ${first}`
    case 'event-name':
      return 'the last event'
    case 'session-events':
      return 'the number of events in this session'
    case 'session-minutes':
      return 'the length of this session in minutes'
    case 'stage':
      return 'the stage that you are in'
    case 'clock':
      return /weekday/.test(text) ? 'the day of the week for you' : 'the hour of the day for you'
  }
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
