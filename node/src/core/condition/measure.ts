import type { Value } from '@halfsecond/protocol'
import { DecayedSum } from '../features/decayed-sum.ts'
import { DifferentValues } from '../features/different-values.ts'
import { capacityMax } from '../features/feature-set.ts'
import type { FeatureState } from '../features/feature-state.ts'
import { NewestEvent } from '../features/newest-event.ts'
import { RecentTexts } from '../features/recent-texts.ts'
import { RecentValues } from '../features/recent-values.ts'
import { lastDone } from '../features/sequence.ts'
import { TimeSpan } from '../features/time-span.ts'
import type { Scope, Truth } from './compile.ts'
import type { Absence, Measure } from './expression.ts'

/** Stages of somebody's life as a visitor. */
export const stages = ['new', 'active', 'lapsed'] as const

type Of<Kind extends Measure['kind']> = Extract<Measure, { readonly kind: Kind }>

/** What a measure is for one person now, or undefined where that is not known. */
export function measure(of: Measure, scope: Scope): Value | undefined {
  switch (of.kind) {
    case 'sum':
    case 'min':
    case 'max':
      return ofValues(of, scope)
    case 'distinct':
      return differentValues(of, scope)
    case 'affinity':
      return affinity(of, scope)
    case 'favourite':
      return favourite(of, scope)
    case 'sequence':
      return sequence(of, scope)
    case 'current':
    case 'event-name':
    case 'latest':
      return ofNewest(of, scope)
    case 'session-events': {
      const start = sessionStart(scope)
      return start === undefined
        ? undefined
        : exactCount(scope.features, of.feature, start - 1, of.upTo)
    }
    case 'session-minutes': {
      const start = sessionStart(scope)
      return start === undefined ? undefined : Math.max(0, scope.now - start) / 60_000
    }
    case 'stage':
      return stage(of, scope)
    case 'clock':
      return scope.calendar.clockAt(scope.now, scope.zone)[of.field]
  }
}

/** @param upTo more are not told apart; undefined: what is not told apart is not known */
export function exactCount(
  features: FeatureState,
  feature: number,
  since: number,
  upTo: number | undefined,
): number | undefined {
  const count = features.count(feature, since)
  const isExact = upTo !== undefined || count === undefined || count < capacityMax
  return isExact ? count : undefined
}

function ofValues({ kind, feature, windowMs }: Of<'sum' | 'min' | 'max'>, scope: Scope) {
  const since = scope.now - windowMs
  if (!scope.features.isKnownSince(feature, since)) return undefined
  const recent = scope.features.sketch(feature)
  if (!(recent instanceof RecentValues)) return kind === 'sum' ? 0 : undefined
  if (since < recent.floor) return undefined
  const values = recent.after(since)
  if (kind === 'sum') return values.reduce((sum, value) => sum + value, 0)
  if (values.length === 0) return undefined
  return kind === 'min' ? Math.min(...values) : Math.max(...values)
}

function differentValues({ feature, windowMs, upTo }: Of<'distinct'>, { features, now }: Scope) {
  const since = now - windowMs
  const sketch = features.sketch(feature)
  const count = sketch instanceof DifferentValues ? sketch.countAfter(since) : 0
  if (upTo !== undefined && count >= upTo) return upTo
  const isFull = count >= (features.set.features[feature]?.capacity ?? 0)
  return isFull || !features.isKnownSince(feature, since) ? undefined : count
}

/** Whatever is missing is missing from the sum: a floor does not help. */
function affinity(
  { feature }: Of<'affinity' | 'favourite'>,
  { features, now }: Scope,
): number | undefined {
  if (!features.isKnownSince(feature, Number.NEGATIVE_INFINITY)) return undefined
  const sum = features.sketch(feature)
  return sum instanceof DecayedSum ? sum.at(now) : 0
}

function favourite(
  { feature }: Of<'affinity' | 'favourite'>,
  { features, now }: Scope,
): string | undefined {
  if (!features.isKnownSince(feature, Number.NEGATIVE_INFINITY)) return undefined
  const texts = features.sketch(feature)
  return texts instanceof RecentTexts ? texts.favourite(now) : undefined
}

function sequence({ feature, windowMs, steps, without }: Of<'sequence'>, scope: Scope): Truth {
  const { features, now } = scope
  const since = now - windowMs
  const events = features.sketch(feature)
  const recent = events instanceof RecentValues ? events : undefined
  const done = recent && lastDone(steps, (step) => recent.timesOf(1 << step, since))
  const isKnown = features.isKnownSince(feature, since) && since >= (recent?.floor ?? since)
  if (done === undefined) return isKnown ? false : undefined
  let isCertain = true
  for (const absence of without) {
    const isPresent = features.some(absence.feature, startOf(absence, done, now))
    // A sequence that is not known of may have been done later still.
    if (isPresent === true && (isKnown || absence.windowMs !== undefined)) return false
    if (isPresent !== false) isCertain = false
  }
  return isCertain ? true : undefined
}

function startOf({ windowMs }: Absence, done: number, now: number): number {
  return windowMs === undefined ? done : now - windowMs
}

function ofNewest({ kind, feature }: Of<'current' | 'event-name' | 'latest'>, { features }: Scope) {
  if (!features.isKnownSince(feature, Number.NEGATIVE_INFINITY)) return undefined
  const newest = features.sketch(feature)
  const said = newest instanceof NewestEvent ? newest.value : undefined
  return kind === 'current' ? said === 1 : said
}

/** Undefined where the session may have begun earlier than is known. */
function sessionStart({ features, now }: Scope): number | undefined {
  if (!features.isWhole) return undefined
  const start = features.sessions.startAt(now)
  return start === 0 ? undefined : start
}

/** Whoever has no event yet is new. */
function stage(
  { feature, newMs, lapsedMs }: Of<'stage'>,
  { features, now }: Scope,
): (typeof stages)[number] | undefined {
  const span = spanOf(features, feature)
  const isKnown = features.isKnownSince(feature, Number.NEGATIVE_INFINITY)
  const { first, last } = span
  if (last !== undefined && now - last < lapsedMs) {
    if (first !== undefined && now - first >= newMs) return 'active'
    return isKnown ? 'new' : undefined
  }
  if (!isKnown) return undefined
  return last === undefined ? 'new' : 'lapsed'
}

function spanOf(features: FeatureState, feature: number): TimeSpan | Nothing {
  const span = features.sketch(feature)
  return span instanceof TimeSpan ? span : nothing
}

interface Nothing {
  readonly first: undefined
  readonly last: undefined
}
const nothing: Nothing = { first: undefined, last: undefined }
