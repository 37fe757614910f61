import { isFields } from '@halfsecond/protocol'
import type { Change, ChangeCounts } from './diff.ts'
import { type ArmForm, armsForm, isArms } from './diff-forms.ts'

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
  experiments: 'experiment',
  profile: 'profile of',
  tests: 'test',
}

/** A change in its author's words, one line or three. */
export function describeChange(change: Change): string {
  const { kind, path } = change
  const said = isArms(path) ? armsText : isHope(path) ? hopeText : (value: unknown) => value
  const [before, after] = [said(change.before), said(change.after)]
  const what = subject(path)
  const consequence = consequenceOf(change)
  switch (kind) {
    case 'renamed':
      return `~ ${nouns[path[0] ?? ''] ?? path[0]} ${String(before)}: renamed to ${String(after)}${consequence}`
    case 'added':
      return `+ ${what}${isEntry(path) ? ': added' : `: ${text(after)}`}`
    case 'removed':
      return `- ${what}${isEntry(path) ? ': removed' : `: no longer ${text(before)}`}`
    case 'changed': {
      const line = `~ ${what}: ${text(before)} → ${text(after)}${consequence}`
      if (line.length <= lineCharsMax) return line
      return `~ ${what}:\n    was ${text(before)}\n    is  ${text(after)}${consequence}`
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

/** What an author hardly thinks of. */
function consequenceOf({ kind, path, before, after }: Change): string {
  const [part, , field, key = ''] = path
  if (part === 'experiments' && kind === 'renamed') return movesPeople
  if (isArms(path) && movesAnybody(armsForm(before), armsForm(after))) return movesPeople
  if (part !== 'placements' || field !== 'learn') return ''
  if (key === 'by') return '; in other buckets it begins with what it knows of all'
  return ['on', 'within', 'halfLife'].includes(key)
    ? '; this is another lesson: it learns anew'
    : ''
}

const movesPeople = '; people move between its arms: what was measured so far is of others'

/** Who is in which arm follows from the shares, one behind the other. */
function movesAnybody(before: readonly ArmForm[], after: readonly ArmForm[]): boolean {
  const shares = (arms: readonly ArmForm[]) =>
    JSON.stringify(arms.map(({ name, share }) => [name, share]))
  return before.length > 0 && after.length > 0 && shares(before) !== shares(after)
}

/** `ours 90%, none 5% fallback` */
function armsText(arms: unknown): string {
  return armsForm(arms)
    .map(({ name, share, shows }) =>
      [name, `${Number((share * 100).toFixed(4))}%`, ...(shows === 'rules' ? [] : [shows])].join(
        ' ',
      ),
    )
    .join(', ')
}

/** Whether it says what is hoped for: how a placement learns, or what an experiment measures. */
function isHope([part, , field, ...more]: readonly string[]): boolean {
  if (more.length > 0) return false
  return part === 'placements'
    ? field === 'learn'
    : part === 'experiments' && (field === 'measure' || field === 'guardrails')
}

/** `click, by traits.tier, channel, explore 5%`; anything else as it is. */
function hopeText(hope: unknown): unknown {
  if (!isFields(hope)) return hope
  const { on, event = on, ...rest } = hope
  const also = Object.entries(rest).map(
    ([key, value]) => `, ${key} ${Array.isArray(value) ? value.join(', ') : String(value)}`,
  )
  return [String(event), ...also].join('')
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
