import type { Properties } from '@halfsecond/protocol'
import type { Truth } from '../core/condition/compile.ts'
import {
  type Counted,
  capacityMax,
  type Feature,
  FeatureSet,
  type OutcomeFeature,
  type Scope,
  type SketchFeature,
} from '../core/features/feature-set.ts'

/** A condition on one event. */
export interface Predicate {
  readonly text: string
  readonly matches: (properties: Properties) => Truth
}

/** Collects the features that a playbook's conditions and limits need; equal ones are shared. */
export class FeatureRegistry {
  /** Offers that are made of the items of a catalogue: one feature counts all of them. */
  readonly templates = new Set<string>()
  private readonly features: Feature[] = []
  private readonly indexes = new Map<string, number>()

  /**
   * @param event undefined: every event
   * @param capacity how many of the newest times the asker tells apart
   */
  event(event: string | undefined, capacity: number, predicate?: Predicate): number {
    const named = event === undefined ? 'every event' : `event ${event}`
    const text = predicate ? `${named} where ${predicate.text}` : named
    return this.add({
      kind: 'event',
      event,
      ...(predicate && { matches: predicate.matches }),
      capacity: Math.min(capacity, capacityMax),
      text,
    })
  }

  outcome(
    outcome: Counted,
    scope: Scope,
    of: string,
    capacity: number,
    reach?: OutcomeFeature['reach'],
  ): number {
    if (scope === 'offer' && this.templates.has(of)) return this.items(outcome, of, reach)
    // The text also names by which rules it counts: since a click implies a display, they are others.
    const counted = outcome === 'display' ? 'first shown' : outcome
    const named = `outcome ${counted} ${scope} ${of}`
    const text = reach ? `${named} reaching ${reach.max} in ${reach.withinMs}` : named
    return this.add({
      kind: 'outcome',
      outcome,
      scope,
      of,
      capacity,
      ...(reach && { reach }),
      text,
    })
  }

  private items(outcome: Counted, template: string, reach?: OutcomeFeature['reach']): number {
    const named = `outcome ${outcome} of items of ${template}`
    return this.sketch({
      form: 'recent-items',
      events: [],
      items: { outcome, template, ...(reach && { reach }) },
      take: () => undefined,
      capacity: capacityMax,
      halfLifeMs: 0,
      text: reach ? `${named} reaching ${reach.max} in ${reach.withinMs}` : named,
    })
  }

  sketch(feature: Omit<SketchFeature, 'kind'>): number {
    return this.add({ kind: 'sketch', ...feature })
  }

  /** Arguments as of `FeatureSet`. */
  finish(
    groups: ReadonlyMap<string, string>,
    channels: ReadonlyMap<string, string>,
    later?: ReadonlySet<string>,
  ): FeatureSet {
    return new FeatureSet(this.features, groups, channels, later)
  }

  private add(feature: Feature): number {
    const index = this.indexes.get(feature.text)
    const known = index === undefined ? undefined : this.features[index]
    if (index === undefined || known === undefined) {
      this.indexes.set(feature.text, this.features.length)
      return this.features.push(feature) - 1
    }
    if (feature.capacity > known.capacity)
      this.features[index] = { ...known, capacity: feature.capacity }
    return index
  }
}
