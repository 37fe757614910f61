import { DecayedSum } from './decayed-sum.ts'
import { DifferentValues } from './different-values.ts'
import type { SketchFeature } from './feature-set.ts'
import { NewestEvent } from './newest-event.ts'
import { RecentItems } from './recent-items.ts'
import { RecentTexts } from './recent-texts.ts'
import { RecentValues } from './recent-values.ts'
import { TimeSpan } from './time-span.ts'

/**
 * What a feature keeps of events besides bare times, in bounded memory. The laws of all: what is kept
 * depends on the set of events only, neither on the order in which they came nor on how they are
 * spread over fragments; merging is associative and does not mind the order; a merged sketch is the
 * one of all events together.
 */
export type Sketch =
  | RecentValues
  | RecentTexts
  | DifferentValues
  | DecayedSum
  | NewestEvent
  | TimeSpan
  | RecentItems

/** @throws never: each form has its class */
export function emptySketch(feature: SketchFeature): Sketch {
  return mergedSketch(feature, [])
}

/** @param parts sketches of this feature */
export function mergedSketch(feature: SketchFeature, parts: readonly Sketch[]): Sketch {
  switch (feature.form) {
    case 'recent-values':
      return RecentValues.merged(
        feature,
        parts.filter((one) => one instanceof RecentValues),
      )
    case 'recent-texts':
      return RecentTexts.merged(
        feature,
        parts.filter((one) => one instanceof RecentTexts),
      )
    case 'different-values':
      return DifferentValues.merged(
        feature,
        parts.filter((one) => one instanceof DifferentValues),
      )
    case 'decayed-sum':
      return DecayedSum.merged(
        feature,
        parts.filter((one) => one instanceof DecayedSum),
      )
    case 'newest-event':
      return NewestEvent.merged(
        feature,
        parts.filter((one) => one instanceof NewestEvent),
      )
    case 'time-span':
      return TimeSpan.merged(
        feature,
        parts.filter((one) => one instanceof TimeSpan),
      )
    case 'recent-items':
      return RecentItems.merged(
        feature,
        parts.filter((one) => one instanceof RecentItems),
      )
  }
}

/** Takes back what `stored` gave, or undefined where it is not of that form. */
export function restoreSketch(feature: SketchFeature, kept: unknown): Sketch | undefined {
  switch (feature.form) {
    case 'recent-values':
      return RecentValues.restore(feature, kept)
    case 'recent-texts':
      return RecentTexts.restore(feature, kept)
    case 'different-values':
      return DifferentValues.restore(feature, kept)
    case 'decayed-sum':
      return DecayedSum.restore(feature, kept)
    case 'newest-event':
      return NewestEvent.restore(feature, kept)
    case 'time-span':
      return TimeSpan.restore(feature, kept)
    case 'recent-items':
      return RecentItems.restore(feature, kept)
  }
}
