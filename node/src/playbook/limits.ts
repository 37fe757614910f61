import type { Limit, Window } from '../core/decision/playbook.ts'
import { parseDuration } from '../core/duration.ts'
import type { Scope } from '../core/features/feature-set.ts'
import type { FeatureRegistry } from './feature-registry.ts'
import type { AfterSource, LimitSource } from './source.ts'

/** What a limit stands under, for one candidate of one placement. */
export interface LimitPlace {
  readonly offer?: string
  readonly group?: string
  readonly placement: string
  readonly channel: string
}

/** Why a limit cannot be compiled. */
export class LimitError extends Error {
  override readonly name = 'LimitError'
  /** Which part of the limit is at fault. */
  readonly key: 'across' | 'pause' | 'strict'

  constructor(key: LimitError['key'], message: string) {
    super(message)
    this.key = key
  }
}

/** @param own what the limit counts unless it says otherwise @throws LimitError */
export function compileLimit(
  source: LimitSource,
  own: Scope,
  place: LimitPlace,
  features: FeatureRegistry,
): Limit {
  const scope = source.across ?? own
  const of = scope === 'all' ? '' : place[scope]
  if (of === undefined) {
    const here = own === 'placement' ? 'a placement has none' : 'the offer has none'
    throw new LimitError('across', `across: ${scope} counts nothing here, ${here}`)
  }
  const strict = source.strict ?? false
  if (strict && source.on !== 'display')
    throw new LimitError('strict', 'only a limit on display can be strict: others are told late')
  const window = windowOf(source.per)
  const pauseMs = source.pause === undefined ? undefined : parseDuration(source.pause)
  if (
    pauseMs !== undefined &&
    window.kind !== 'rolling' &&
    window.kind !== 'lifetime' &&
    source.max > 1
  ) {
    throw new LimitError('pause', 'a pause after more than one needs a duration in per, like 7d')
  }
  const reach =
    pauseMs === undefined || source.max === 1
      ? undefined
      : {
          max: source.max,
          withinMs: window.kind === 'rolling' ? window.ms : Number.MAX_SAFE_INTEGER,
        }
  const capacity = reach ? 2 * source.max - 1 : source.max
  const feature = features.outcome(source.on, scope, of, capacity, reach)
  const across = scope === own ? '' : ` across ${scope}`
  const pause = source.pause === undefined ? '' : `, then a pause of ${source.pause}`
  const text = `at most ${source.max} ${source.on} per ${source.per}${across}${pause}${strict ? ', strictly' : ''}`
  return { text, on: source.on, feature, max: source.max, window, pauseMs, strict }
}

/** What an acceptance or a rejection does to the offer from then on. */
export function compileAfter(
  on: 'accept' | 'reject',
  after: AfterSource,
  offer: string,
  features: FeatureRegistry,
): Limit | undefined {
  if (after === 'allow') return undefined
  const pauseMs = after === 'retire' ? undefined : parseDuration(after.pause)
  const feature = features.outcome(on, 'offer', offer, 1)
  const done = on === 'accept' ? 'accepted' : 'rejected'
  const text = after === 'retire' ? `${done}: retired` : `${done}: paused for ${after.pause}`
  return { text, on, feature, max: 1, window: { kind: 'lifetime' }, pauseMs, strict: false }
}

/** An unsubscribed offer is never shown again. */
export function unsubscribed(offer: string, features: FeatureRegistry): Limit {
  const feature = features.outcome('unsubscribe', 'offer', offer, 1)
  const window: Window = { kind: 'lifetime' }
  return {
    text: 'unsubscribed',
    on: 'unsubscribe',
    feature,
    max: 1,
    window,
    pauseMs: undefined,
    strict: false,
  }
}

function windowOf(per: string): Window {
  switch (per) {
    case 'day':
    case 'week':
    case 'month':
      return { kind: 'calendar', unit: per }
    case 'session':
      return { kind: 'session' }
    case 'lifetime':
      return { kind: 'lifetime' }
    default:
      return { kind: 'rolling', ms: parseDuration(per) ?? 0 }
  }
}
