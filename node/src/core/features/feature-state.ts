import { fallbackName } from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import type { TimelineRecord } from '../fragment/entry.ts'
import { countedAs } from '../fragment/said.ts'
import type { EventFeature, FeatureSet, OutcomeFeature, SketchFeature } from './feature-set.ts'
import { condensed, mergedReach, type ReachPart } from './merged-reach.ts'
import { RecentItems } from './recent-items.ts'
import { countSince, insertTime, lastReach, mergeTimes, newest } from './ring.ts'
import { Sessions } from './sessions.ts'
import { emptySketch, mergedSketch, type Sketch } from './sketch.ts'

type Reach = NonNullable<OutcomeFeature['reach']>

/**
 * What a playbook's features hold for one fragment, or for several that make one profile. Derived:
 * it can always be computed again.
 *
 * What a fragment's home computes from the timeline is known. A state that was handed on may lack
 * what was too large, a merged one whatever one of its parts lacks: then the answer is *unknown*,
 * never less than there was.
 */
export class FeatureState {
  readonly set: FeatureSet
  /** False if nothing is known of some part: everything is a lower bound then. */
  readonly isWhole: boolean
  private readonly rings: Map<number, number[]>
  private readonly reached: Map<number, number | undefined>
  private readonly ownSessions: Sessions | null
  /** Features that lack matches up to a time, the floor, though their ring is not full. */
  private readonly floors: ReadonlyMap<number, number> | null
  /** Of a merged state: what it is merged from, as far as it is asked for. Else null. */
  private readonly parts: readonly FeatureState[] | null
  /** Null: of no event that a sketch looks at. */
  private sketches: Map<number, Sketch> | null
  /** Whether anything may be missing at all. */
  private readonly hasGaps: boolean
  private mergedSessions: Sessions | null = null
  private mergedReachParts: Map<number, readonly ReachPart[]> | null = null

  constructor(
    set: FeatureSet,
    rings = new Map<number, number[]>(),
    reached = new Map<number, number | undefined>(),
    sessions: Sessions | null = new Sessions(),
    floors: ReadonlyMap<number, number> | null = null,
    parts: readonly FeatureState[] | null = null,
    isWhole = true,
    sketches: Map<number, Sketch> | null = null,
  ) {
    this.set = set
    this.rings = rings
    this.reached = reached
    this.ownSessions = sessions
    this.floors = floors
    this.parts = parts
    this.isWhole = isWhole
    this.sketches = sketches
    this.hasGaps = !isWhole || floors !== null || parts?.some((part) => part.hasGaps) === true
  }

  /**
   * The state of all parts together, good until one of them changes: it looks into them when it is
   * asked. Merging is associative, and the order of the parts does not matter.
   * @param isWhole false if there are parts besides these of which nothing is known
   */
  static merged(set: FeatureSet, parts: readonly FeatureState[], isWhole: boolean): FeatureState {
    assert(
      parts.every((part) => part.set === set),
      'features of one set are merged',
    )
    const allWhole = isWhole && parts.every((part) => part.isWhole)
    return new FeatureState(set, new Map(), new Map(), null, null, parts, allWhole)
  }

  /**
   * Takes a new entry of the timeline in.
   * @param isFirstShown of an outcome: whether nothing earlier in the timeline showed the same
   *   proposition, so that it counts as its display
   * @returns false if an entry this late could have begun a pause that the rings no longer show, or
   *   joined a session that is no longer kept: compute the state again from the timeline.
   */
  update(at: number, record: TimelineRecord, isFirstShown = true): boolean {
    // Nobody came because something was sent to them.
    let exact = record.kind === 'grant' || this.sessions.add(at)
    if (record.kind === 'event') {
      for (const index of this.set.ofEvent(record)) {
        const feature = this.set.features[index]
        if (feature?.kind === 'event') {
          if (feature.matches === undefined || feature.matches(record.properties) === true)
            this.insert(index, feature, at)
        } else if (feature?.kind === 'sketch') {
          const sketch = this.sketchToFill(index, feature)
          if (!(sketch instanceof RecentItems)) sketch.add(at, record)
        }
      }
    } else if (record.kind === 'outcome') {
      const { offer, placement } = record
      // Default content is nobody's offer: no limit and no condition counts that it was seen.
      if (offer === fallbackName) return exact
      for (const counted of countedAs(record, isFirstShown))
        exact = this.countOffer(at, offer, this.set.ofOutcome(counted, offer, placement)) && exact
    } else if (record.kind === 'grant') {
      const { offer, placement } = record
      exact = this.countOffer(at, offer, this.set.ofGrant(offer, placement)) && exact
    }
    return exact
  }

  private countOffer(at: number, offer: string, counting: readonly number[]): boolean {
    let exact = true
    for (const index of counting) {
      const feature = this.set.features[index]
      if (feature?.kind === 'outcome') exact = this.insert(index, feature, at) && exact
      else if (feature?.kind === 'sketch') {
        const sketch = this.sketchToFill(index, feature)
        if (sketch instanceof RecentItems) sketch.add(at, offer)
      }
    }
    return exact
  }

  /** Matches of a feature after `since`, exact up to its capacity; undefined where not known. */
  count(index: number, since: number): number | undefined {
    const count = this.countAtLeast(index, since)
    if (!this.hasGaps || this.isKnownSince(index, since)) return count
    return count === this.set.features[index]?.capacity ? count : undefined
  }

  /** The matches after `since` that are known. */
  countAtLeast(index: number, since: number): number {
    return countSince(this.ring(index), since)
  }

  /** Whether a feature matched after `since`; undefined where not known. */
  some(index: number, since: number): boolean | undefined {
    const last = this.last(index)
    if (last !== undefined && last > since) return true
    return !this.hasGaps || this.isKnownSince(index, since) ? false : undefined
  }

  /** Time of the newest match that is known, or undefined. Without `isWhole` there may be newer. */
  last(index: number): number | undefined {
    return newest(this.ring(index))
  }

  /**
   * Time at which the feature's `reach` was last met, or undefined; of a merged state the latest
   * time at which it may have been. Without `isWhole` it may have been later.
   */
  lastReached(index: number): number | undefined {
    const reached = this.reached.get(index)
    return reached !== undefined || this.parts === null
      ? reached
      : this.mergeReached(index, this.parts)
  }

  /** What a sketch keeps, or undefined where it looked at no event. */
  sketch(index: number): Sketch | undefined {
    const sketch = this.sketches?.get(index)
    return sketch !== undefined || this.parts === null
      ? sketch
      : this.mergeSketch(index, this.parts)
  }

  /** Reports about one item after `since`; undefined where not known. */
  itemCount(index: number, offer: string, since: number): number | undefined {
    const items = this.items(index)
    const isKnown = this.isKnownSince(index, since) && since >= (items?.floor ?? since)
    return isKnown ? (items?.count(offer, since) ?? 0) : undefined
  }

  /** Time of the newest report about one item that is known, or undefined. */
  itemLast(index: number, offer: string): number | undefined {
    return this.items(index)?.last(offer)
  }

  /** When the feature's `reach` was last met by reports about one item, as far as it is known. */
  itemLastReached(index: number, offer: string): number | undefined {
    const feature = this.set.features[index]
    const reach = feature?.kind === 'sketch' ? feature.items?.reach : undefined
    return reach && this.items(index)?.lastReached(offer, reach.max, reach.withinMs)
  }

  private items(index: number): RecentItems | undefined {
    const sketch = this.sketch(index)
    return sketch instanceof RecentItems ? sketch : undefined
  }

  get sessions(): Sessions {
    if (this.ownSessions !== null) return this.ownSessions
    this.mergedSessions ??= Sessions.merged(this.parts?.map((part) => part.sessions) ?? [])
    return this.mergedSessions
  }

  copy(): FeatureState {
    assert(this.parts === null, 'a merged state is read only')
    const rings = new Map<number, number[]>()
    for (const [index, ring] of this.rings) rings.set(index, [...ring])
    const { set, reached, sessions, floors } = this
    const sketches =
      this.sketches && new Map([...this.sketches].map(([index, one]) => [index, one.copy()]))
    return new FeatureState(
      set,
      rings,
      new Map(reached),
      sessions.copy(),
      floors,
      null,
      true,
      sketches,
    )
  }

  /** Rough size in memory. */
  get heldBytes(): number {
    let bytes = 400
    for (const ring of this.rings.values()) bytes += 64 + 8 * ring.length
    if (this.sketches !== null)
      for (const sketch of this.sketches.values()) bytes += 64 + sketch.heldBytes
    return bytes
  }

  /**
   * For rows and copies: what `restoreFeatures` takes back.
   * @param ringMax rings give up their oldest times beyond so many; what needs them becomes unknown
   */
  stored(ringMax = Number.POSITIVE_INFINITY): unknown[] {
    assert(this.parts === null, 'a merged state is stored nowhere')
    const floors = new Map(this.floors)
    const rings = [...this.rings].map(([index, ring]) => {
      if (ring.length <= ringMax) return [index, ring]
      const kept = ring.slice(-ringMax)
      floors.set(index, kept[0] ?? 0)
      return [index, kept]
    })
    const sketches = [...(this.sketches ?? [])].map(([index, sketch]) => {
      const { kept, floor }: { kept: unknown; floor?: number } = sketch.stored(ringMax)
      if (floor !== undefined) floors.set(index, floor)
      return [index, kept]
    })
    const stored = [rings, [...this.reached], this.sessions.stored()]
    if (sketches.length > 0) return [...stored, [...floors], sketches]
    return floors.size === 0 ? stored : [...stored, [...floors]]
  }

  /** For the decision log, of a merged state too: what `restoreWhole` takes back, exactly. */
  storedWhole(): unknown {
    if (this.parts !== null) return [this.isWhole, this.parts.map((part) => part.storedWhole())]
    assert(this.isWhole, 'only merged states lack parts')
    const { rings, reached, sketches, floors, sessions } = this
    const isEmpty =
      rings.size + reached.size === 0 && sketches === null && floors === null && sessions.isEmpty
    return isEmpty ? null : this.stored()
  }

  private sketchToFill(index: number, feature: SketchFeature): Sketch {
    assert(this.parts === null, 'a merged state is read only')
    this.sketches ??= new Map()
    let sketch = this.sketches.get(index)
    if (sketch === undefined) {
      sketch = emptySketch(feature)
      this.sketches.set(index, sketch)
    }
    return sketch
  }

  private mergeSketch(index: number, parts: readonly FeatureState[]): Sketch | undefined {
    const feature = this.set.features[index]
    if (feature?.kind !== 'sketch') return undefined
    const sketches: Sketch[] = []
    for (const part of parts) {
      const sketch = part.sketch(index)
      if (sketch !== undefined) sketches.push(sketch)
    }
    const merged = mergedSketch(feature, sketches)
    this.sketches ??= new Map()
    this.sketches.set(index, merged)
    return merged
  }

  private insert(index: number, feature: EventFeature | OutcomeFeature, at: number): boolean {
    assert(this.parts === null, 'a merged state is read only')
    let ring = this.rings.get(index)
    if (ring === undefined) {
      ring = []
      this.rings.set(index, ring)
    }
    const reach = feature.kind === 'outcome' ? feature.reach : undefined
    const place = insertTime(ring, at, feature.capacity)
    if (reach === undefined) return true
    const full = ring.length === feature.capacity
    const known = place >= 0 && (!full || place >= reach.max - 1)
    const last = lastReach(ring, reach.max, reach.withinMs, Math.max(place, 0))
    if (last !== undefined) this.reached.set(index, Math.max(last, this.reached.get(index) ?? 0))
    return known
  }

  /** The newest matches, oldest first. A merged state shares it with the only part that has one. */
  private ring(index: number): number[] | undefined {
    const ring = this.rings.get(index)
    return ring !== undefined || this.parts === null ? ring : this.mergeRing(index, this.parts)
  }

  private mergeRing(index: number, parts: readonly FeatureState[]): number[] {
    const capacity = this.set.features[index]?.capacity ?? 0
    let merged: number[] = []
    for (const part of parts) {
      const ring = part.ring(index)
      if (ring === undefined || ring.length === 0) continue
      merged = merged.length === 0 ? ring : mergeTimes(merged, ring, capacity)
    }
    this.rings.set(index, merged)
    return merged
  }

  private mergeReached(index: number, parts: readonly FeatureState[]): number | undefined {
    if (this.reached.has(index)) return undefined
    const feature = this.set.features[index]
    const reach = feature?.kind === 'outcome' ? feature.reach : undefined
    const reached =
      reach &&
      mergedReach(FeatureState.reachPartsOf(parts, index, reach), reach.max, reach.withinMs)
    this.reached.set(index, reached)
    return reached
  }

  /** Of each fragment by itself, as far as it matters: a merged ring has lost how they mix. */
  private reachParts(index: number, reach: Reach): readonly ReachPart[] {
    if (this.parts === null) {
      const ring = this.rings.get(index)
      if (ring === undefined || ring.length === 0) return []
      const isFull = ring.length >= (this.set.features[index]?.capacity ?? 0)
      const isCut = isFull || this.floors?.has(index) === true
      return [{ ring, isCut, reached: this.reached.get(index) }]
    }
    this.mergedReachParts ??= new Map()
    let parts = this.mergedReachParts.get(index)
    if (parts === undefined) {
      const all = FeatureState.reachPartsOf(this.parts, index, reach)
      parts = condensed(all, reach.max, reach.withinMs)
      this.mergedReachParts.set(index, parts)
    }
    return parts
  }

  private static reachPartsOf(
    parts: readonly FeatureState[],
    index: number,
    reach: Reach,
  ): ReachPart[] {
    const all: ReachPart[] = []
    for (const part of parts) all.push(...part.reachParts(index, reach))
    return all
  }

  /** Whether nothing of a feature after `since` is missing. */
  isKnownSince(index: number, since: number): boolean {
    if (!this.hasGaps) return true
    if (!this.isWhole || since < (this.floors?.get(index) ?? Number.NEGATIVE_INFINITY)) return false
    return this.parts === null || this.parts.every((part) => part.isKnownSince(index, since))
  }
}
