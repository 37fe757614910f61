import type { FeatureSet } from '../features/feature-set.ts'
import { identityOf } from '../fragment/entry.ts'
import { effectiveTime, type FragmentRecord, type Ground, isKnown } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { type Registers, registerOf, wins } from '../fragment/registers.ts'
import { featuresOf } from '../fragment/timeline.ts'
import type { Profile } from './decide.ts'

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
  ground: Pick<Ground, 'arena' | 'chunks'>,
): Profile {
  const features = featuresOf(fragment, set, ground)
  if (pending.length === 0)
    return { traits: fragment.traits, consents: fragment.consents, features }
  const profile = {
    traits: new Map(fragment.traits),
    consents: new Map(fragment.consents),
    features: features.copy(),
  }
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
        profile.features.update(at, record)
        break
      }
      case 'traits':
        for (const name in record.set) {
          put(profile.traits, name, record.set[name] ?? undefined, at, record)
        }
        for (const name of record.unset) put(profile.traits, name, undefined, at, record)
        break
      case 'consent':
        put(profile.consents, record.purpose, record.granted, at, record)
        break
      case 'link':
      case 'unlink':
        break
    }
  }
  return profile
}

function put<T>(
  registers: Registers<T>,
  name: string,
  value: T | undefined,
  at: number,
  record: FragmentRecord,
): void {
  if (wins(registers.get(name), at, record.id)) registers.set(name, registerOf(value, at, record))
}
