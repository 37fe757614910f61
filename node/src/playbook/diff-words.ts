import { isFields } from '@halfsecond/protocol'
import type { Change, ChangeCounts } from './diff.ts'

/** What an entry of a part is called. */
const nouns: { readonly [part: string]: string } = {
  events: 'event',
  traits: 'trait',
  facts: 'fact',
  groups: 'group',
  placements: 'placement',
  offers: 'offer',
  catalogues: 'catalogue',
  channels: 'channel',
  profile: 'profile of',
  tests: 'test',
}

/** A change in its author's words, one line or three. */
export function describeChange({ kind, path, before, after }: Change): string {
  const what = subject(path)
  switch (kind) {
    case 'renamed':
      return `~ ${nouns[path[0] ?? ''] ?? path[0]} ${String(before)}: renamed to ${String(after)}`
    case 'added':
      return `+ ${what}${isEntry(path) ? ': added' : `: ${text(after)}`}`
    case 'removed':
      return `- ${what}${isEntry(path) ? ': removed' : `: no longer ${text(before)}`}`
    case 'changed': {
      const line = `~ ${what}: ${text(before)} → ${text(after)}`
      if (line.length <= lineCharsMax) return line
      return `~ ${what}:\n    was ${text(before)}\n    is  ${text(after)}`
    }
  }
}

/** `2 added, 1 changed`, or `nothing changed`. */
export function describeCounts({ added, removed, changed }: ChangeCounts): string {
  const counts = Object.entries({ added, removed, changed }).filter(([, count]) => count > 0)
  return counts.length === 0
    ? 'nothing changed'
    : counts.map(([kind, count]) => `${count} ${kind}`).join(', ')
}

/** What an element of a list is called. */
const lists: { readonly [part: string]: string } = { segments: 'segment', triggers: 'trigger' }

/** Longer lines are broken, so that old and new stand below each other. */
const lineCharsMax = 100

/** Parts whose keys have names that authors gave. */
function isEntry(path: readonly string[]): boolean {
  return path.length === 2 && nouns[path[0] ?? ''] !== undefined
}

function subject(path: readonly string[]): string {
  const [part = '', name, ...rest] = path
  const noun = nouns[part]
  if (name === undefined) return lists[part] ?? part
  if (noun === undefined) return path.join(' ')
  const inner = rest.join(' ')
  return `${noun} ${name}${inner === '' ? '' : `: ${inner === 'limits' ? 'limit' : inner}`}`
}

function text(value: unknown): string {
  if (typeof value === 'string') return value.trim()
  const limit = isFields(value) ? limitText(value) : undefined
  return limit ?? JSON.stringify(value)
}

/** `at most 4 display per day across group` */
function limitText({
  on,
  max,
  per,
  across,
  pause,
  ...rest
}: {
  readonly [key: string]: unknown
}): string | undefined {
  if (typeof on !== 'string' || typeof max !== 'number' || typeof per !== 'string') return undefined
  const also = Object.entries(rest).map(([key, value]) => `, ${key} ${String(value)}`)
  return [
    `at most ${max} ${on} per ${per}`,
    across === undefined ? '' : ` across ${String(across)}`,
    pause === undefined ? '' : `, then a pause of ${String(pause)}`,
    ...also,
  ].join('')
}
