import { isFragmentId } from '@halfsecond/protocol'
import { restoreWhole } from '../features/stored-features.ts'
import { isBoolean, isTraitValue, type Registers, type TraitValue } from '../fragment/registers.ts'
import type { Profile } from './decide.ts'
import type { Playbook } from './playbook.ts'

/*
 * A profile as the decision log keeps it: all of it that a playbook can look at, and no more.
 *
 *   [features id, traits, consents, features, former zone, its end, eldest fragment]
 *
 * Traits are `[name, value, …]`, consents `[purpose, value, time, …]`. The last three are there
 * where the zone of the visitor changed, or the playbook has experiments.
 */

/** Encode it at once: it shares what the profile holds. */
export function storedProfile(
  { traits, consents, features, eldest }: Profile,
  playbook: Playbook,
): unknown[] {
  const stored: unknown[] = [
    playbook.features.id,
    valuesOf(traits, playbook.traits),
    consentsOf(consents),
    features.storedWhole(),
  ]
  const former = traits?.get('zone')?.former
  const isArmed = playbook.experiments.length > 0 && eldest !== null
  // Periods of a calendar go by the former zone.
  if (former !== undefined || isArmed) stored.push(former?.value ?? null, former?.until ?? null)
  if (isArmed) stored.push(eldest.id)
  return stored
}

/** Takes back what `storedProfile` gave; undefined where that was for other features. */
export function profileIn(
  stored: readonly unknown[] | undefined,
  playbook: Playbook,
): Profile | undefined {
  const [featuresId, _traits, _consents, storedFeatures] = stored ?? []
  if (stored === undefined || featuresId !== playbook.features.id) return undefined
  const features = restoreWhole(playbook.features, storedFeatures)
  return features && profileWith(stored, features)
}

/** What `storedProfile` gave, with these features instead of its own. */
export function profileWith(
  stored: readonly unknown[],
  features: Profile['features'],
): Profile | undefined {
  const [_featuresId, storedTraits, storedConsents, _features, zone, until, id] = stored
  const traits = registersIn(storedTraits, isTraitValue)
  const consents = consentsIn(storedConsents)
  if (traits === undefined || consents === undefined) return undefined
  const eldest = isFragmentId(id) ? { id, bornAt: unknownBirth } : null
  return { traits: withFormerZone(traits, zone, until), consents, features, eldest }
}

function valuesOf<T>(registers: Registers<T> | null, names: Iterable<string>): unknown[] | null {
  if (registers === null) return null
  const values: unknown[] = []
  for (const name of names) {
    const value = registers.get(name)?.value
    if (value !== undefined) values.push(name, value)
  }
  return values
}

/** Only which fragment is the eldest was kept. */
const unknownBirth = -1

function withFormerZone(
  traits: Registers<TraitValue> | null,
  zone: unknown,
  until: unknown,
): Registers<TraitValue> | null {
  if (typeof until !== 'number') return traits
  const present = traits?.get('zone') ?? { value: undefined, at: 0, id: '' }
  const value = isTraitValue(zone) ? zone : undefined
  return new Map(traits).set('zone', { ...present, former: { value, until } })
}

/** With their times: one that is younger than what was unsubscribed counts. */
function consentsOf(consents: Profile['consents']): unknown[] | null {
  if (consents === null) return null
  const stored: unknown[] = []
  for (const [purpose, { value, at }] of consents)
    if (value !== undefined) stored.push(purpose, value, at)
  return stored
}

function consentsIn(flat: unknown): Profile['consents'] | undefined {
  if (flat === null) return null
  if (!Array.isArray(flat)) return undefined
  const consents: Registers<boolean> = new Map()
  for (let i = 0; i < flat.length; i += 3) {
    const [purpose, value, at]: unknown[] = flat.slice(i, i + 3)
    if (typeof purpose !== 'string' || !isBoolean(value) || typeof at !== 'number') return undefined
    consents.set(purpose, { value, at, id: '' })
  }
  return consents
}

/** Decisions look at the values of traits alone, so nothing else of a register is there. */
function registersIn<T>(
  flat: unknown,
  isValue: (value: unknown) => value is T,
): Registers<T> | null | undefined {
  if (flat === null) return null
  if (!Array.isArray(flat)) return undefined
  const registers: Registers<T> = new Map()
  for (let i = 0; i < flat.length; i += 2) {
    const [name, value]: unknown[] = flat.slice(i, i + 2)
    if (typeof name !== 'string' || !isValue(value)) return undefined
    registers.set(name, { value, at: 0, id: '' })
  }
  return registers
}
