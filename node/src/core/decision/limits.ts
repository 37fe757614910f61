import type { FeatureState } from '../features/feature-state.ts'
import type { Calendar, Limit } from './playbook.ts'

export interface LimitScope {
  readonly features: FeatureState
  readonly now: number
  readonly calendar: Calendar
  readonly zone: string
}

/** The first limit that blocks, or undefined. */
export function blockingLimit(limits: readonly Limit[], scope: LimitScope): Limit | undefined {
  for (const limit of limits) if (isBlocking(limit, scope)) return limit
  return undefined
}

function isBlocking(limit: Limit, scope: LimitScope): boolean {
  const { features, now } = scope
  if (limit.pauseMs !== undefined) {
    const since =
      limit.max === 1 ? features.last(limit.feature) : features.lastReached(limit.feature)
    return since !== undefined && now - since < limit.pauseMs
  }
  return features.count(limit.feature, windowStart(limit, scope)) >= limit.max
}

/** Times after this one count. */
function windowStart({ window }: Limit, { features, now, calendar, zone }: LimitScope): number {
  switch (window.kind) {
    case 'rolling':
      return now - window.ms
    case 'calendar':
      return calendar.startOf(window.unit, now, zone) - 1
    case 'session':
      return features.sessions.startAt(now) - 1
    case 'lifetime':
      return -1
  }
}
