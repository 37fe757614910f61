import type { TimelineRecord } from '../fragment/entry.ts'
import type { Feature, FeatureSet } from './feature-set.ts'
import { countSince, insertTime, lastReach, newest } from './ring.ts'
import { Sessions } from './sessions.ts'

/** What a playbook's features hold for one fragment. Derived: it can always be computed again. */
export class FeatureState {
  readonly set: FeatureSet
  readonly sessions: Sessions
  private readonly rings: Map<number, number[]>
  private readonly reached: Map<number, number>

  constructor(
    set: FeatureSet,
    rings = new Map<number, number[]>(),
    reached = new Map<number, number>(),
    sessions = new Sessions(),
  ) {
    this.set = set
    this.rings = rings
    this.reached = reached
    this.sessions = sessions
  }

  /**
   * Takes a new entry of the timeline in.
   * @returns false if an entry this late could have begun a pause that the rings no longer show, or
   *   joined a session that is no longer kept: compute the state again from the timeline.
   */
  update(at: number, record: TimelineRecord): boolean {
    let exact = this.sessions.add(at)
    if (record.kind === 'event') {
      for (const index of this.set.ofEvent(record)) {
        const feature = this.set.features[index]
        if (feature?.kind !== 'event') continue
        if (feature.matches && feature.matches(record.properties) !== true) continue
        this.insert(index, feature, at)
      }
    } else if (record.kind === 'outcome') {
      for (const index of this.set.ofOutcome(record)) {
        const feature = this.set.features[index]
        if (feature !== undefined) exact = this.insert(index, feature, at) && exact
      }
    }
    return exact
  }

  /** Matches of a feature after `since`, exact up to its capacity. */
  count(index: number, since: number): number {
    return countSince(this.rings.get(index), since)
  }

  /** Time of the newest match, or undefined. */
  last(index: number): number | undefined {
    return newest(this.rings.get(index))
  }

  /** Time at which the feature's `reach` was last met, or undefined. */
  lastReached(index: number): number | undefined {
    return this.reached.get(index)
  }

  copy(): FeatureState {
    const rings = new Map<number, number[]>()
    for (const [index, ring] of this.rings) rings.set(index, [...ring])
    return new FeatureState(this.set, rings, new Map(this.reached), this.sessions.copy())
  }

  /** Rough size in memory. */
  get heldBytes(): number {
    let bytes = 400
    for (const ring of this.rings.values()) bytes += 64 + 8 * ring.length
    return bytes
  }

  /** For rows: what `restore` takes back. */
  stored(): unknown[] {
    return [[...this.rings], [...this.reached], this.sessions.stored()]
  }

  private insert(index: number, feature: Feature, at: number): boolean {
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
}

/** Takes back what `stored` gave, or undefined where the bytes are not of that form. */
export function restoreFeatures(set: FeatureSet, stored: unknown): FeatureState | undefined {
  if (!Array.isArray(stored)) return undefined
  const [rings, reached, sessions]: unknown[] = stored
  if (!isPairs(rings, isNumbers) || !isPairs(reached, isNumber)) return undefined
  if (!Array.isArray(sessions)) return undefined
  const [starts, ends, isCut]: unknown[] = sessions
  if (!isNumbers(starts) || !isNumbers(ends) || typeof isCut !== 'boolean') return undefined
  return new FeatureState(set, new Map(rings), new Map(reached), new Sessions(starts, ends, isCut))
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isNumber)
}

function isPairs<T>(
  value: unknown,
  isSecond: (second: unknown) => second is T,
): value is [number, T][] {
  return (
    Array.isArray(value) &&
    value.every((pair) => Array.isArray(pair) && isNumber(pair[0]) && isSecond(pair[1]))
  )
}
