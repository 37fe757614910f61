import type { FeatureSet } from '../features/feature-set.ts'
import type { FeatureState } from '../features/feature-state.ts'
import { type Entry, identityOf, inOrder } from '../fragment/entry.ts'
import {
  effectiveTime,
  type FragmentRecord,
  type Ground,
  isKnown,
  shownBy,
} from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import {
  type Registers,
  registerOf,
  type TraitValue,
  traitAfter,
  wins,
} from '../fragment/registers.ts'
import { FirstShown } from '../fragment/said.ts'
import { featuresOf, readTimeline, stateOf } from '../fragment/timeline.ts'
import type { Profile } from './decide.ts'

type Reading = Pick<Ground, 'arena' | 'chunks'>

/**
 * The profile of a fragment as it will be once these records are folded. The fragment keeps its
 * facts: they are copied where a pending record touches them.
 * @param pending valid records of the fragment that the fold has not seen, in order
 * @param now no record counts as later than this
 */
export function profileOf(
  fragment: Fragment,
  set: FeatureSet,
  pending: readonly FragmentRecord[],
  now: number,
  ground: Reading,
): Profile {
  const features = featuresOf(fragment, set, ground)
  let { traits, consents } = fragment
  const eldest = { id: fragment.identifier, bornAt: fragment.bornAt }
  if (pending.length === 0) return { traits, consents, features, eldest }
  const entries: Entry[] = []
  const seen = new Set<string>()
  for (const record of pending) {
    const at = effectiveTime(record, now)
    switch (record.kind) {
      case 'event':
      case 'outcome':
      case 'logout': {
        const identity = identityOf(record)
        if (seen.has(identity) || isKnown(fragment, record, identity, at, ground)) break
        seen.add(identity)
        entries.push({ at, record })
        break
      }
      case 'traits':
        if (traits === null || traits === fragment.traits) traits = new Map(traits)
        for (const name in record.set)
          putTrait(traits, name, record.set[name] ?? undefined, at, record)
        for (const name of record.unset) putTrait(traits, name, undefined, at, record)
        break
      case 'consent':
        if (consents === null || consents === fragment.consents) consents = new Map(consents)
        if (wins(consents.get(record.purpose), at, record.id))
          consents.set(record.purpose, registerOf(record.granted, at, record))
        break
    }
  }
  return { traits, consents, features: withEntries(fragment, features, entries, ground), eldest }
}

function withEntries(
  fragment: Fragment,
  features: FeatureState,
  entries: readonly Entry[],
  ground: Reading,
): FeatureState {
  if (entries.length === 0) return features
  const state = features.copy()
  let exact = true
  const shown = new FirstShown()
  for (const { at, record } of entries.toSorted(inOrder)) {
    const isFirst = record.kind === 'outcome' && shown.isFirst(record)
    const said = isFirst ? shownBy(fragment, record, at, ground) : 'again'
    exact = state.update(at, record, said === 'first') && said !== 'earlier' && exact
  }
  if (exact) return state
  const timeline = [...readTimeline(fragment, ground), ...entries].sort(inOrder)
  return stateOf(features.set, timeline)
}

function putTrait(
  traits: Registers<TraitValue>,
  name: string,
  value: TraitValue | undefined,
  at: number,
  record: FragmentRecord,
): void {
  const present = traits.get(name)
  if (wins(present, at, record.id))
    traits.set(name, traitAfter(present, name, registerOf(value, at, record)))
}
