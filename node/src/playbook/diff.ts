import { isDeepStrictEqual } from 'node:util'
import { isFields } from '@halfsecond/protocol'
import { armsForm, isArms, learnForm } from './diff-forms.ts'
import type { PlaybookSource } from './source.ts'

/** One thing that another playbook says differently. */
export interface Change {
  readonly kind: 'added' | 'removed' | 'changed' | 'renamed'
  /** Path of keys, like `offers.store-card.when`; of what is renamed: its new one. */
  readonly path: readonly string[]
  /** What it said; of what is renamed: its name. Absent where it is added. */
  readonly before?: unknown
  readonly after?: unknown
}

/** How often a kind of change is in a list. */
export interface ChangeCounts {
  readonly added: number
  readonly removed: number
  readonly changed: number
}

type Entries = { readonly [key: string]: unknown }

/** What a key stands for where it is absent: saying so changes nothing. By the path from the part. */
const defaults: { readonly [path: string]: unknown } = {
  zone: 'UTC',
  'consent.personalise': 'required',
  'groups.*.weight': 1,
  'placements.*.count': 1,
  'offers.*.priority': 0,
  'offers.*.value': 1,
  'offers.*.accepted': 'retire',
  'offers.*.rejected': { pause: '30d' },
  'placements.*.learn.by': [],
  'placements.*.learn.halfLife': '7d',
  'placements.*.learn.explore': 0.02,
  'placements.*.learn.trainer': 'bandit',
  'experiments.*.guardrails': [],
  'experiments.*.measure.within': '7d',
}

/** Parts whose entries have names of their own, by which they are compared. */
const named: ReadonlySet<string> = new Set([
  'events',
  'traits',
  'facts',
  'groups',
  'channels',
  'placements',
  'offers',
  'catalogues',
  'channels',
  'experiments',
])

/** Lists whose order means nothing. */
const unordered: ReadonlySet<string> = new Set([
  'limits',
  'context',
  'segments',
  'triggers',
  'guardrails',
  'at',
])

/**
 * What a playbook says that the one before did not, and the other way round, in the order of the
 * newer text. The order of keys, comments and defaults that are written out are no changes.
 */
export function diffPlaybooks(
  before: PlaybookSource | undefined,
  after: PlaybookSource,
): readonly Change[] {
  return entriesOf(before ? { ...before } : {}, { ...after }).flatMap(([key, old, now]) => {
    if (key === 'tests') return cases(old, now)
    const changes = compare([key], old ?? (named.has(key) ? {} : undefined), now)
    return named.has(key) ? withRenames(changes) : changes
  })
}

export function countChanges(changes: readonly Change[]): ChangeCounts {
  const count = (...kinds: readonly Change['kind'][]) =>
    changes.filter(({ kind }) => kinds.includes(kind)).length
  return {
    added: count('added'),
    removed: count('removed'),
    changed: count('changed', 'renamed'),
  }
}

function compare(path: readonly string[], before: unknown, after: unknown): readonly Change[] {
  const old = formed(path, before) ?? defaultAt(path)
  const now = formed(path, after) ?? defaultAt(path)
  if (isSame(path, old, now)) return []
  if (isFields(old) && isFields(now) && !isContent(path) && !isArms(path))
    return entriesOf(old, now).flatMap(([key, one, other]) => compare([...path, key], one, other))
  if (Array.isArray(before ?? []) && Array.isArray(after ?? []) && unordered.has(path.at(-1) ?? ''))
    return lists(path, before ?? [], after ?? [])
  if (named.has(path[0] ?? '') && path.length === 1 && now === undefined && isFields(old))
    return Object.entries(old).map(([key, one]) => removed([...path, key], one))
  if (old === undefined) return [{ kind: 'added', path, after: after ?? now }]
  if (now === undefined) return [removed(path, before ?? old)]
  return [{ kind: 'changed', path, before: old, after: now }]
}

function isSame(path: readonly string[], old: unknown, now: unknown): boolean {
  // Inside stand arms, whose order means something.
  if (path[0] === 'experiments' && path.length < 3) return old === now
  return isArms(path)
    ? isDeepStrictEqual(armsForm(old), armsForm(now))
    : isDeepStrictEqual(trimmed(old), trimmed(now))
}

function formed(path: readonly string[], value: unknown): unknown {
  const [part, , field] = path
  return part === 'placements' && field === 'learn' && path.length === 3 ? learnForm(value) : value
}

/** Content is compared as a whole: its keys are the channel's words, not ours. */
function isContent(path: readonly string[]): boolean {
  const [part, , field] = path
  if (part === 'placements') return field === 'fallback'
  return part === 'offers' && field === 'treatments' && path.length > 3
}

/** What is in one of them only. */
function lists(path: readonly string[], before: unknown, after: unknown): readonly Change[] {
  const olds = Array.isArray(before) ? before : []
  const news = Array.isArray(after) ? after : []
  const isIn = (one: unknown, all: readonly unknown[]) =>
    all.some((other) => isDeepStrictEqual(one, other))
  return [
    ...olds.filter((one) => !isIn(one, news)).map((one) => removed(path, one)),
    ...news
      .filter((one) => !isIn(one, olds))
      .map((one): Change => ({ kind: 'added', path, after: one })),
  ]
}

/** Cases are known by what they say. */
function cases(before: unknown, after: unknown): readonly Change[] {
  const olds = byText(before)
  const news = byText(after)
  return entriesOf(olds, news).flatMap(([name, old, now]): readonly Change[] => {
    const path = ['tests', name]
    if (isDeepStrictEqual(old, now)) return []
    if (old === undefined) return [{ kind: 'added', path, after: now }]
    return now === undefined
      ? [removed(path, old)]
      : [{ kind: 'changed', path, before: old, after: now }]
  })
}

function byText(tests: unknown): Entries {
  const list: readonly unknown[] = Array.isArray(tests) ? tests : []
  return Object.fromEntries(list.flatMap((one) => (isFields(one) ? [[String(one.it), one]] : [])))
}

/** What went and came under another name, and says the same. */
function withRenames(changes: readonly Change[]): readonly Change[] {
  const gone = new Set<Change>()
  const renamed = changes.map((change): Change => {
    if (change.kind !== 'added' || change.path.length !== 2) return change
    const origin = changes.find(
      (one) =>
        one.kind === 'removed' &&
        one.path.length === 2 &&
        !gone.has(one) &&
        isDeepStrictEqual(one.before, change.after),
    )
    if (origin === undefined) return change
    gone.add(origin)
    return { kind: 'renamed', path: change.path, before: origin.path[1], after: change.path[1] }
  })
  return renamed.filter((change) => !gone.has(change))
}

function removed(path: readonly string[], before: unknown): Change {
  return { kind: 'removed', path, before }
}

/** Keys of both with their values: those of the newer in its order, then those that are gone. */
function entriesOf(before: Entries, after: Entries): readonly [string, unknown, unknown][] {
  const keys = new Set([...Object.keys(after), ...Object.keys(before)])
  return Array.from(keys, (key) => [key, own(before, key), own(after, key)])
}

function own(map: Entries, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined
}

function defaultAt(path: readonly string[]): unknown {
  const [part = '', name, ...rest] = path
  if (name === undefined) return defaults[part]
  return defaults[[part, ...(part === 'consent' ? [name] : ['*']), ...rest].join('.')]
}

/** Spaces around a condition, as blocks of YAML bring them, are not part of it. */
function trimmed(value: unknown): unknown {
  return typeof value === 'string' ? value.trim() : value
}
