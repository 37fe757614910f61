import type { FragmentId } from '@halfsecond/protocol'
import type { Profile } from '../decision/decide.ts'
import type { FeatureSet } from '../features/feature-set.ts'
import { type Copy, isSame } from '../identity/ties.ts'
import { partOf } from './copy.ts'
import { mergeParts, mergeProfiles, sideOf } from './merged-profile.ts'
import type { Part } from './part.ts'

/**
 * Parts that are held decoded: some kilobytes each. The profiles asked for longest ago go first;
 * they are decoded again when somebody asks.
 */
const heldPartsMax = 16_384

/** What is held of one root. */
interface Held {
  readonly copies: readonly Copy[]
  readonly parts: readonly Part[]
  /** All copies, without the root itself. */
  readonly others: Profile
  own: Part
  profile: Profile
}

/**
 * Profiles of roots, merged again only as far as something changed: the copies of a root change
 * seldom, its own fragment with each event.
 *
 * Invariants: a root is held with the copies, by identity, that its profile was merged from; the
 * parts held are at most `heldPartsMax`.
 */
export class MergedProfiles {
  readonly set: FeatureSet
  private readonly partsMax: number
  private readonly held = new Map<FragmentId, Held>()
  private heldParts = 0

  constructor(set: FeatureSet, partsMax = heldPartsMax) {
    this.set = set
    this.partsMax = partsMax
  }

  /**
   * The profile of a root and the copies that belong to it, good until the next fold.
   * @param own the root's part, with features
   * @param copies of each fragment one; equal lists in equal order cost next to nothing
   * @param more parts of still other fragments, for this answer only
   */
  of(own: Part, copies: readonly Copy[], more: readonly Part[] = none): Profile {
    if (more.length === 0) return this.whole(own, copies)
    const whole = copies.length === 0 ? undefined : this.whole(own, copies)
    return mergeProfiles(
      [whole ?? sideOf(own), ...more.map(sideOf)],
      [(whole ?? own).features, ...more.map(({ features }) => features)],
      this.set,
    )
  }

  private whole(own: Part, copies: readonly Copy[]): Profile {
    if (copies.length === 0) return mergeParts([own], this.set)
    const held = this.held.get(own.id)
    if (held === undefined || !isSameList(held.copies, copies)) return this.merge(own, copies, held)
    this.held.delete(own.id)
    this.held.set(own.id, held)
    if (!isSamePart(held.own, own)) {
      held.own = own
      held.profile = this.withOwn(own, held.others)
    }
    return held.profile
  }

  private merge(own: Part, copies: readonly Copy[], held: Held | undefined): Profile {
    const known = new Map<Copy, Part>()
    held?.copies.forEach((copy, i) => {
      const part = held.parts[i]
      if (part) known.set(copy, part)
    })
    const parts = copies.map((copy) => known.get(copy) ?? partOf(copy.bytes, this.set))
    const others = mergeParts(parts, this.set)
    const profile = this.withOwn(own, others)
    this.forget(own.id)
    this.held.set(own.id, { copies: [...copies], parts, others, own, profile })
    this.heldParts += parts.length
    for (const root of this.held.keys()) {
      if (this.heldParts <= this.partsMax) break
      this.forget(root)
    }
    return profile
  }

  private withOwn(own: Part, others: Profile): Profile {
    return mergeProfiles([sideOf(own), others], [own.features, others.features], this.set)
  }

  private forget(root: FragmentId): void {
    this.heldParts -= this.held.get(root)?.parts.length ?? 0
    this.held.delete(root)
  }
}

const none: readonly Part[] = []

function isSameList(one: readonly Copy[], other: readonly Copy[]): boolean {
  return one.length === other.length && one.every((copy, i) => copy === other[i])
}

/** A fragment is written in place, and pending records go into objects of their own: so both count. */
function isSamePart(one: Part, other: Part): boolean {
  return (
    isSame(one.version, other.version) &&
    one.traits === other.traits &&
    one.consents === other.consents &&
    one.features === other.features
  )
}
