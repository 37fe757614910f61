import { builtInNamespaces, isChannelRecord, recordFault } from '@halfsecond/protocol'
import { isOfType } from '../core/condition/compile.ts'
import type { Playbook } from '../core/decision/playbook.ts'
import { candidateOf } from '../core/decision/templates.ts'
import { type FragmentRecord, isFragmentRecord } from '../core/fragment/evolve.ts'
import { conditionTypeOf } from './declarations.ts'
import { didYouMean } from './faults.ts'
import type { GivenSource, PlaybookSource, SourceType } from './source.ts'

/** Reports a fault at a key of what is given, or at all of it. */
export type OnFault = (key: string | undefined, message: string) => void

interface Common {
  readonly id: string
  readonly key: string
  readonly at: number
}

const kinds = ['traits', 'event', 'consent', 'outcome'] as const

/** What a case gives, as the record that a channel would write; undefined after a fault. */
export function recordOf(
  given: GivenSource,
  common: Common,
  source: PlaybookSource,
  playbook: Playbook,
  onFault: OnFault,
): FragmentRecord | undefined {
  const present = kinds.filter((kind) => given[kind] !== undefined)
  const [kind] = present
  if (kind === undefined || present.length > 1) {
    onFault(undefined, `this is one of ${kinds.join(', ')}`)
    return undefined
  }
  const record = fieldsOf(kind, given, common.id, source, playbook, onFault)
  if (record === undefined) return undefined
  const whole: unknown = { ...common, ...record }
  if (isChannelRecord(whole, builtInNamespaces) && isFragmentRecord(whole)) return whole
  onFault(undefined, recordFault(whole, builtInNamespaces) ?? 'this is no record')
  return undefined
}

function fieldsOf(
  kind: (typeof kinds)[number],
  given: GivenSource,
  id: string,
  source: PlaybookSource,
  playbook: Playbook,
  onFault: OnFault,
): object | undefined {
  const { visitor: _visitor, ago: _ago, traits = {}, event = '', consent = {}, ...rest } = given
  switch (kind) {
    case 'traits': {
      onUnknown(Object.keys(rest), onFault)
      const types = new Map(
        Object.entries(source.traits ?? {}).map(([name, { type }]) => [name, type]),
      )
      checkTypes('trait', traits, types, (_name, message) => onFault('traits', message))
      return { kind, set: traits, unset: [] }
    }
    case 'event': {
      const types = new Map(Object.entries(source.events ?? {})).get(event)
      if (types === undefined) {
        const known = Object.keys(source.events ?? {})
        onFault('event', `no event "${event}"${didYouMean(event, known)}`)
        return undefined
      }
      checkTypes('property', rest, new Map(Object.entries(types)), onFault)
      return { kind, name: event, properties: rest }
    }
    case 'consent': {
      onUnknown(Object.keys(rest), onFault)
      const [purpose, ...more] = Object.keys(consent)
      if (purpose === undefined || more.length > 0)
        onFault('consent', 'consent names one purpose, like { personalise: true }')
      return { kind, purpose, granted: consent[purpose ?? ''] }
    }
    case 'outcome': {
      const { outcome, offer, placement, ...others } = rest
      onUnknown(Object.keys(others), onFault)
      const place = playbook.placements.get(String(placement))
      const candidate = place && candidateOf(place, String(offer))
      if (candidate === undefined) {
        onFault('outcome', 'an outcome names an offer, and a placement that shows it')
        return undefined
      }
      const { treatment } = candidate
      return { kind, decision: id, outcome, offer, placement, treatment }
    }
  }
}

function onUnknown(names: readonly string[], onFault: OnFault): void {
  for (const name of names) onFault(name, 'no such key here')
}

/** A value of another type would be folded, and be unknown to every condition. */
function checkTypes(
  what: 'trait' | 'property',
  values: { readonly [name: string]: unknown },
  types: ReadonlyMap<string, SourceType>,
  onFault: (name: string, message: string) => void,
): void {
  for (const [name, value] of Object.entries(values)) {
    const type = types.get(name)
    if (type === undefined) onFault(name, `no ${what} "${name}"${didYouMean(name, types.keys())}`)
    else if (!isOfType(value, conditionTypeOf(type))) onFault(name, `${name} must be a ${type}`)
  }
}
