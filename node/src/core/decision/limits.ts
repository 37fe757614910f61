import type { FeatureState } from '../features/feature-state.ts'
import type { CalendarUnit } from './calendar.ts'
import { isOverruled, type OverruleScope } from './overruled.ts'
import type { Limit } from './playbook.ts'

/** What limits ask of a person's past. */
export type LimitFeatures = Pick<
  FeatureState,
  'isWhole' | 'sessions' | 'count' | 'last' | 'lastReached'
>

export interface LimitScope extends OverruleScope {
  readonly features: LimitFeatures
  readonly now: number
  /** When the visitor's day, week or month began. */
  periodStart(unit: CalendarUnit): number
  /** Exposures that a feature does not count yet. */
  exposures(feature: number): number
  /** Exposures that nobody here knows of may be so many. */
  readonly unseen: number
}

/** The first limit that blocks, or undefined. */
export function blockingLimit(limits: readonly Limit[], scope: LimitScope): Limit | undefined {
  for (const limit of limits) if (isBlocking(limit, scope)) return limit
  return undefined
}

/** How a limit stands, for people to read. */
export interface LimitState {
  /** Matches in its window; exact up to its maximum. Undefined where that is not known. */
  readonly soFar: number | undefined
  /** When it matched last, or reached its maximum. */
  readonly last: number | undefined
  /** When the pause ends, where it is one. */
  readonly until: number | undefined
}

export function limitState(limit: Limit, scope: LimitScope): LimitState {
  const { features } = scope
  const count = features.count(limit.feature, windowStart(limit, scope))
  const exposed = exposuresOf(limit, scope)
  const soFar = count === undefined ? undefined : Math.min(limit.max, count + exposed)
  if (!features.isWhole) return { soFar, last: undefined, until: undefined }
  const last =
    limit.max === 1 || limit.pauseMs === undefined
      ? features.last(limit.feature)
      : features.lastReached(limit.feature)
  return {
    soFar,
    last,
    until: last === undefined || limit.pauseMs === undefined ? undefined : last + limit.pauseMs,
  }
}

/** What is not known blocks: a limit rather shows too little than too much. */
function isBlocking(limit: Limit, scope: LimitScope): boolean {
  const { features, now } = scope
  if (limit.unless && isOverruled(limit.unless, limit.feature, scope)) return false
  const exposed = exposuresOf(limit, scope)
  if (limit.pauseMs !== undefined) {
    if (!features.isWhole) return true
    const since =
      limit.max === 1 ? features.last(limit.feature) : features.lastReached(limit.feature)
    if (since !== undefined && now - since < limit.pauseMs) return true
    if (exposed === 0) return false
  }
  const count = features.count(limit.feature, windowStart(limit, scope))
  return count === undefined || count + exposed >= limit.max
}

function exposuresOf({ feature, on }: Limit, scope: LimitScope): number {
  return scope.exposures(feature) + (on === 'display' ? scope.unseen : 0)
}

/** Times after this one count. */
export function windowStart(
  { window }: Pick<Limit, 'window'>,
  scope: Pick<LimitScope, 'features' | 'now' | 'periodStart'>,
): number {
  const { features, now } = scope
  switch (window.kind) {
    case 'rolling':
      return now - window.ms
    case 'calendar':
      return scope.periodStart(window.unit) - 1
    case 'session':
      return features.sessions.startAt(now) - 1
    case 'lifetime':
      return -1
  }
}
