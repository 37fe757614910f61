import type { Feature, FeatureSet, OutcomeFeature } from './feature-set.ts'
import type { FeatureState } from './feature-state.ts'
import { neverKnown } from './rebuilt-features.ts'
import { lastReach } from './ring.ts'
import { restoreWhole } from './stored-features.ts'

/** A feature that is taken over from another set. */
interface Target {
  readonly index: number
  readonly feature: Feature
  readonly source: Feature
  /**
   * Whether what is kept may count what the feature does not: offers that left a group. Then it is
   * known only where nothing was counted at all.
   */
  readonly isTooMuch: boolean
}

type Reach = NonNullable<OutcomeFeature['reach']>

/**
 * Takes features over that were stored for one set, for another one that wants some of the same.
 * What is not there is unknown, as everywhere: never taken for nothing.
 */
export class FeatureMapping {
  readonly from: FeatureSet
  /** Features of the other set that are not taken over, in the words of their sets. */
  readonly missing: readonly string[]
  /** By index in the other set. */
  readonly lacking: ReadonlySet<number>
  private readonly to: FeatureSet
  /** By index in the first set. */
  private readonly targets = new Map<number, Target[]>()
  private readonly floors: readonly (readonly [number, number])[]

  /**
   * @param isOffer whether there was an offer of this name in the first playbook
   * @param isRebuilt whether somebody else knows the features that this one lacks: then it takes
   *   over only what is as exact as the other set keeps it, and says nothing of the rest
   */
  constructor(
    from: FeatureSet,
    to: FeatureSet,
    isOffer: (name: string) => boolean,
    isRebuilt = false,
  ) {
    this.from = from
    this.to = to
    const isSameLater = [...to.placements].every(
      (name) => (from.isLaterAt(name) ?? to.isLaterAt(name)) === to.isLaterAt(name),
    )
    const missing: number[] = []
    to.features.forEach((feature, index) => {
      const at = sourceOf(feature, from)
      const source = from.features[at]
      if (isOfTheNew(feature, from, to, isOffer)) return
      const reading = source && readingOf(feature, from, to, isOffer, isSameLater)
      const isTooMuch = reading === 'too much'
      const isLacking = source === undefined || reading === 'missing'
      if (isLacking || (isRebuilt && (isTooMuch || isLess(source, feature)))) missing.push(index)
      else {
        const target = { index, feature, source, isTooMuch }
        this.targets.set(at, [...(this.targets.get(at) ?? []), target])
      }
    })
    this.missing = missing.map((index) => to.features[index]?.text ?? '')
    this.lacking = new Set(missing)
    this.floors = isRebuilt ? [] : missing.map((index) => [index, neverKnown])
  }

  /**
   * @param stored what `FeatureState.storedWhole` gave of the first set; undefined where it is not
   *   of that form
   * @returns isWhole: whether all that could be taken over is as exact as the other set keeps it
   */
  of(stored: unknown): { readonly features: FeatureState; readonly isWhole: boolean } | undefined {
    const mapped = this.mapped(stored)
    const features = mapped && restoreWhole(this.to, mapped.stored)
    return features && { features, isWhole: mapped.isWhole }
  }

  private mapped(stored: unknown): Mapped | undefined {
    if (stored === null)
      return this.floors.length === 0
        ? { stored: null, isWhole: true }
        : { stored: [[], [], [[], [], false], this.floors], isWhole: true }
    if (!Array.isArray(stored)) return undefined
    const [isWhole, parts]: unknown[] = stored
    if (typeof isWhole !== 'boolean') return this.mappedPart(stored)
    if (!Array.isArray(parts)) return undefined
    const all = parts.map((part: unknown) => this.mapped(part))
    const known = all.filter((part) => part !== undefined)
    if (known.length < all.length) return undefined
    return {
      stored: [isWhole, known.map((part) => part.stored)],
      isWhole: known.every((part) => part.isWhole),
    }
  }

  private mappedPart(stored: readonly unknown[]): Mapped | undefined {
    const [rings, reached, sessions, floors = [], sketches = []] = stored
    if (!isPairs(rings) || !isPairs(reached) || !isPairs(floors) || !isPairs(sketches))
      return undefined
    const part = new Part(this.floors)
    for (const [index, floor] of floors)
      for (const target of this.targets.get(index) ?? none) part.floor(target, floor)
    for (const [index, ring] of rings)
      for (const target of this.targets.get(index) ?? none) part.ring(target, ring)
    for (const [index, at] of reached)
      for (const target of this.targets.get(index) ?? none) part.reach(target, at)
    for (const [index, kept] of sketches)
      for (const target of this.targets.get(index) ?? none) part.sketch(target, kept)
    const { isWhole } = part
    const found = [[...part.rings], [...part.reached], sessions]
    return { stored: [...found, [...part.floors], [...part.sketches]], isWhole }
  }
}

interface Mapped {
  readonly stored: unknown
  readonly isWhole: boolean
}

const none: readonly Target[] = []

/** What a state of one fragment becomes. */
class Part {
  readonly rings = new Map<number, readonly unknown[]>()
  readonly reached = new Map<number, unknown>()
  readonly floors: Map<number, number>
  readonly sketches = new Map<number, unknown>()
  isWhole = true

  constructor(floors: readonly (readonly [number, number])[]) {
    this.floors = new Map(floors)
  }

  floor({ index }: Target, floor: unknown): void {
    if (typeof floor === 'number') this.lacks(index, floor)
  }

  ring(target: Target, ring: unknown): void {
    const { index, feature, source, isTooMuch } = target
    if (!Array.isArray(ring) || ring.length === 0) return
    if (isTooMuch) {
      this.lacks(index, neverKnown)
      return
    }
    const times = ring.slice(-feature.capacity)
    this.rings.set(index, times)
    const isFull = ring.length >= source.capacity
    if (isFull && feature.capacity > source.capacity) this.lacks(index, Number(ring[0]))
    const reach = reachOf(feature)
    if (reach === undefined || isSameReach(reach, reachOf(source))) return
    const last = lastReach(ring.map(Number), reach.max, reach.withinMs, 0)
    if (last !== undefined) this.reached.set(index, last)
    // Older times, which made room, may have reached it.
    else if (isFull) this.isWhole = false
  }

  reach({ index, feature, source, isTooMuch }: Target, at: unknown): void {
    const reach = reachOf(feature)
    if (!isTooMuch && reach && isSameReach(reach, reachOf(source))) this.reached.set(index, at)
  }

  sketch({ index, feature, source, isTooMuch }: Target, kept: unknown): void {
    // What a longer sketch would have kept beside is gone.
    if (isTooMuch || feature.capacity > source.capacity) this.lacks(index, neverKnown)
    else this.sketches.set(index, kept)
  }

  private lacks(index: number, upTo: number): void {
    this.floors.set(index, Math.max(upTo, this.floors.get(index) ?? upTo))
    this.isWhole = false
  }
}

/** The place of what says most of a feature; −1 where there is nothing. */
function sourceOf(feature: Feature, from: FeatureSet): number {
  const same = from.features.findIndex((one) => one.text === feature.text)
  if (same >= 0) return same
  let best = -1
  from.features.forEach((one, index) => {
    if (!isOfTheSame(feature, one)) return
    if (one.capacity > (from.features[best]?.capacity ?? 0)) best = index
  })
  return best
}

/** Whether two features keep the same times, apart from how many, and from pauses. */
function isOfTheSame(one: Feature, other: Feature): boolean {
  if (one.kind === 'outcome' && other.kind === 'outcome')
    return one.outcome === other.outcome && one.scope === other.scope && one.of === other.of
  if (one.kind !== 'sketch' || other.kind !== 'sketch') return false
  const { items } = one
  if (items === undefined) return false
  return items.outcome === other.items?.outcome && items.template === other.items.template
}

/** Whether it counts only what was never shown by the first set: then it is known to count nothing. */
function isOfTheNew(
  feature: Feature,
  from: FeatureSet,
  to: FeatureSet,
  isOffer: (name: string) => boolean,
): boolean {
  if (feature.kind === 'sketch')
    return feature.items !== undefined && !isOffer(feature.items.template)
  if (feature.kind !== 'outcome') return false
  const { scope, of } = feature
  const isPlacement = (name: string) => from.isLaterAt(name) !== undefined
  switch (scope) {
    case 'offer':
      return !isOffer(of)
    case 'group':
      return ![...(to.membersOf(scope, of) ?? [])].some(isOffer)
    case 'placement':
      return !isPlacement(of)
    case 'channel':
      return ![...(to.membersOf(scope, of) ?? [])].some(isPlacement)
    case 'all':
      return false
  }
}

/** How what was counted for one set may be read as what the other counts. */
function readingOf(
  feature: Feature,
  from: FeatureSet,
  to: FeatureSet,
  isOffer: (name: string) => boolean,
  isSameLater: boolean,
): 'same' | 'too much' | 'missing' {
  const counted = feature.kind === 'event' ? undefined : outcomeOf(feature)
  if (!isSameLater && (counted === 'display' || counted === 'grant')) return 'missing'
  if (feature.kind !== 'outcome') return 'same'
  const { scope, of } = feature
  const before = from.membersOf(scope, of)
  const after = to.membersOf(scope, of)
  if (before === undefined || after === undefined) return 'same'
  const wasThere = (name: string) =>
    scope === 'group' ? isOffer(name) : from.isLaterAt(name) !== undefined
  // What is new was never shown, so it cannot be missing.
  for (const name of after) if (!before.has(name) && wasThere(name)) return 'missing'
  for (const name of before) if (!after.has(name)) return 'too much'
  return 'same'
}

/** Whether a feature keeps less than another one of the same does. */
function isLess(source: Feature, than: Feature): boolean {
  if (source.text === than.text && source.capacity >= than.capacity) return false
  const reach = reachOf(than)
  return (
    source.capacity < than.capacity || (reach !== undefined && !isSameReach(reach, reachOf(source)))
  )
}

function outcomeOf(feature: Exclude<Feature, { readonly kind: 'event' }>): string | undefined {
  return feature.kind === 'outcome' ? feature.outcome : feature.items?.outcome
}

function reachOf(feature: Feature): Reach | undefined {
  return feature.kind === 'outcome' ? feature.reach : undefined
}

function isSameReach(one: Reach, other: Reach | undefined): boolean {
  return one.max === other?.max && one.withinMs === other.withinMs
}

function isPairs(value: unknown): value is readonly (readonly [number, unknown])[] {
  return (
    Array.isArray(value) &&
    value.every((pair) => Array.isArray(pair) && typeof pair[0] === 'number')
  )
}
