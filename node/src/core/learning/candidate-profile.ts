import type { Profile } from '../decision/decide.ts'
import { profileIn, profileWith } from '../decision/logged-profile.ts'
import type { Playbook } from '../decision/playbook.ts'
import { FeatureMapping } from '../features/feature-mapping.ts'

/** What is known of a person for another playbook than the one that decided. */
export interface MappedProfile {
  readonly profile: Profile
  /** Whether nothing that the playbook looks at is unknown for having been logged for another. */
  readonly isWhole: boolean
}

/**
 * Reads profiles that were logged for one playbook as another one sees them: what both look at is
 * taken over, feature by feature, and the rest is unknown.
 */
export class ProfileMapping {
  /** What the other playbook looks at and the log does not have. */
  readonly missing: readonly string[]
  private readonly to: Playbook
  private readonly features: FeatureMapping

  constructor(from: Playbook, to: Playbook) {
    this.to = to
    const offers = offersOf(from)
    this.features = new FeatureMapping(from.features, to.features, (name) => offers.has(name))
    const known = new Set(from.traits)
    const traits = to.traits.filter((name) => !known.has(name))
    this.missing = [...traits.map((name) => `trait ${name}`), ...this.features.missing]
  }

  /** Undefined for what is no stored profile of the first playbook. */
  of(stored: readonly unknown[]): MappedProfile | undefined {
    const isWhole = this.missing.length === 0
    if (stored[0] === this.to.features.id) {
      const profile = profileIn(stored, this.to)
      return profile && { profile, isWhole }
    }
    if (stored[0] !== this.features.from.id) return undefined
    const mapped = this.features.of(stored[3])
    const profile = mapped && profileWith(stored, mapped.features)
    return profile && { profile, isWhole: isWhole && mapped.isWhole }
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
