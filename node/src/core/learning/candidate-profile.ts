import type { Profile } from '../decision/decide.ts'
import { profileIn, profileWith } from '../decision/logged-profile.ts'
import type { Playbook } from '../decision/playbook.ts'
import { FeatureMapping } from '../features/feature-mapping.ts'
import { FeatureState } from '../features/feature-state.ts'
import { rebuiltFeatures } from '../features/rebuilt-features.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import { entriesOf, type PastTimeline } from './past-timeline.ts'

/** What is known of a person for another playbook than the one that decided. */
export interface MappedProfile {
  readonly profile: Profile
  /** Whether nothing that the playbook looks at is unknown for having been logged for another. */
  readonly isWhole: boolean
}

/** What is left of the timelines of a person's fragments; undefined where nothing is. */
export type PastTimelines = readonly (PastTimeline | undefined)[]

/**
 * Reads profiles that were logged for one playbook as another one sees them: what both look at is
 * taken over, feature by feature. The rest is computed anew where timelines are there, else unknown.
 */
export class ProfileMapping {
  /** What the other playbook looks at and the log does not have. */
  readonly missing: readonly string[]
  private readonly to: Playbook
  private readonly traits: readonly string[]
  private readonly features: FeatureMapping
  private readonly besideRebuilt: FeatureMapping

  constructor(from: Playbook, to: Playbook) {
    this.to = to
    const offers = offersOf(from)
    const isOffer = (name: string) => offers.has(name)
    this.features = new FeatureMapping(from.features, to.features, isOffer)
    this.besideRebuilt = new FeatureMapping(from.features, to.features, isOffer, true)
    const known = new Set(from.traits)
    this.traits = to.traits.filter((name) => !known.has(name))
    this.missing = [...this.traits.map((name) => `trait ${name}`), ...this.features.missing]
  }

  /** Undefined for what is no stored profile of the first playbook. */
  of(stored: readonly unknown[], pasts?: PastTimelines): MappedProfile | undefined {
    const isComplete = this.missing.length === 0
    if (stored[0] === this.to.features.id && isComplete) {
      const profile = profileIn(stored, this.to)
      return profile && { profile, isWhole: true }
    }
    if (stored[0] !== this.features.from.id) return undefined
    if (pasts !== undefined) return this.rebuilt(stored, pasts)
    const mapped = this.features.of(stored[3])
    const profile = mapped && profileWith(stored, mapped.features)
    return profile && { profile, isWhole: isComplete && mapped.isWhole }
  }

  private rebuilt(stored: readonly unknown[], pasts: PastTimelines): MappedProfile | undefined {
    const { lacking } = this.besideRebuilt
    const set = this.to.features
    const mapped = this.besideRebuilt.of(stored[3])
    if (mapped === undefined) return undefined
    const timelines =
      lacking.size === 0 ? [] : pasts.map((past) => past && { ...past, entries: entriesOf(past) })
    const rebuilt = rebuiltFeatures(set, lacking, timelines)
    const profile = profileWith(stored, FeatureState.merged(set, [mapped.features, rebuilt], true))
    if (profile === undefined) return undefined
    const isKnown = pasts.every(
      (past) => past !== undefined && (past.floor === null || lacking.size === 0),
    )
    const areTraitsKnown = !pasts.some((past) =>
      past?.overwritten.some((name) => this.traits.includes(name)),
    )
    return {
      profile: { ...profile, traits: this.withTraits(profile.traits, pasts) },
      isWhole: mapped.isWhole && isKnown && areTraitsKnown,
    }
  }

  /** The last write of each trait that was not logged. */
  private withTraits(
    logged: Registers<TraitValue> | null,
    pasts: PastTimelines,
  ): Registers<TraitValue> | null {
    if (this.traits.length === 0) return logged
    const traits: Registers<TraitValue> = new Map(logged)
    for (const { name, value, at } of pasts.flatMap((past) => past?.traits ?? []))
      if (this.traits.includes(name) && at > (traits.get(name)?.at ?? Number.NEGATIVE_INFINITY))
        traits.set(name, { value, at, id: '' })
    return traits
  }
}

/** Offers and templates that a playbook shows anywhere. */
function offersOf({ placements }: Playbook): ReadonlySet<string> {
  const offers = new Set<string>()
  for (const { candidates, templates } of placements.values()) {
    for (const { offer } of candidates) offers.add(offer.name)
    for (const { candidate } of templates) offers.add(candidate.offer.name)
  }
  return offers
}
