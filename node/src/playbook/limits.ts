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
  if (strict && source.pause !== undefined)
    throw new LimitError('strict', 'a strict limit has no pause: let per be as long')
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
  const feature = features.outcome(strict ? 'grant' : source.on, scope, of, capacity, reach)
  const across = scope === own ? '' : ` across ${scope}`
  const pause = source.pause === undefined ? '' : `, then a pause of ${source.pause}`
  const text = `at most ${source.max} ${source.on} per ${source.per}${across}${pause}${strict ? ', strictly' : ''}`
  return { text, on: source.on, across: scope, feature, max: source.max, window, pauseMs, strict }
}

/**
 * What an acceptance and a rejection do to the offer from then on. A cancellation takes an acceptance
 * back and is a rejection; any other rejection yields to an acceptance.
 */
export function compileAfter(
  accepted: AfterSource,
  rejected: AfterSource,
  offer: string,
  features: FeatureRegistry,
): Limit[] {
  const accept = features.outcome('accept', 'offer', offer, 1)
  const reject = features.outcome('reject', 'offer', offer, 1)
  const cancel = features.outcome('cancel', 'offer', offer, 1)
  const keptAwayMs = accepted === 'allow' ? 0 : (pauseOf(accepted) ?? Number.POSITIVE_INFINITY)
  const limits: Limit[] = []
  if (accepted !== 'allow')
    limits.push({
      ...after('accepted', accepted),
      on: 'accept',
      feature: accept,
      unless: { kind: 'cancelled', cancel },
    })
  if (rejected !== 'allow')
    limits.push({
      ...after('rejected', rejected),
      on: 'reject',
      feature: reject,
      unless: { kind: 'accepted', accept, cancel, keptAwayMs },
    })
  return limits
}

function after(done: string, source: Exclude<AfterSource, 'allow'>) {
  const does = source === 'retire' ? 'retired' : `paused for ${source.pause}`
  const window: Window = { kind: 'lifetime' }
  const across = 'offer' as const
  return {
    text: `${done}: ${does}`,
    across,
    max: 1,
    window,
    pauseMs: pauseOf(source),
    strict: false,
  }
}

function pauseOf(source: Exclude<AfterSource, 'allow'>): number | undefined {
  return source === 'retire' ? undefined : parseDuration(source.pause)
}

/**
 * An unsubscribed offer is never shown again, nor any of an unsubscribed group, unless its visitor
 * agrees later to the purpose that is named like it.
 */
export function unsubscribed(
  offer: string,
  group: string | undefined,
  features: FeatureRegistry,
): Limit[] {
  const purposes = group === undefined ? [offer] : [offer, group]
  const ever = { max: 1, window: { kind: 'lifetime' as const }, pauseMs: undefined, strict: false }
  const ofOffer: Limit = {
    ...ever,
    text: 'unsubscribed',
    on: 'unsubscribe',
    across: 'offer',
    feature: features.outcome('unsubscribe', 'offer', offer, 1),
    unless: { kind: 'consented', purposes },
  }
  if (group === undefined) return [ofOffer]
  const ofGroup: Limit = {
    ...ever,
    text: 'unsubscribed from its group',
    on: 'unsubscribe group',
    across: 'group',
    feature: features.outcome('unsubscribe group', 'group', group, 1),
    unless: { kind: 'consented', purposes: [group] },
  }
  return [ofOffer, ofGroup]
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
