import type { FeatureSet } from './feature-set.ts'
import { FeatureState } from './feature-state.ts'
import { Sessions } from './sessions.ts'
import { restoreSketch, type Sketch } from './sketch.ts'

/** Takes back what `FeatureState.stored` gave, or undefined where it is not of that form. */
export function restoreFeatures(set: FeatureSet, stored: unknown): FeatureState | undefined {
  if (!Array.isArray(stored)) return undefined
  const [rings, reached, sessions, floors = [], sketches = []]: unknown[] = stored
  if (!isPairs(rings, isNumbers) || !isPairs(reached, isNumber)) return undefined
  if (!isPairs(floors, isNumber) || !Array.isArray(sessions)) return undefined
  const [starts, ends, isCut]: unknown[] = sessions
  if (!isNumbers(starts) || !isNumbers(ends) || typeof isCut !== 'boolean') return undefined
  const restored = restoreSketches(set, sketches)
  if (restored === undefined) return undefined
  return new FeatureState(
    set,
    new Map(rings),
    new Map(reached),
    new Sessions(starts, ends, isCut),
    floors.length === 0 ? null : new Map(floors),
    null,
    true,
    restored,
  )
}

/** Takes back what `FeatureState.storedWhole` gave, or undefined where it is not of that form. */
export function restoreWhole(set: FeatureSet, stored: unknown): FeatureState | undefined {
  if (stored === null) return new FeatureState(set)
  if (!Array.isArray(stored)) return undefined
  const [isWhole, parts]: unknown[] = stored
  if (typeof isWhole !== 'boolean') return restoreFeatures(set, stored)
  if (!Array.isArray(parts)) return undefined
  const restored = parts.map((part: unknown) => restoreWhole(set, part))
  const known = restored.filter((part) => part !== undefined)
  return known.length === parts.length ? FeatureState.merged(set, known, isWhole) : undefined
}

/** Null: there are none. */
function restoreSketches(set: FeatureSet, stored: unknown): Map<number, Sketch> | null | undefined {
  if (!isPairs(stored, isAnything)) return undefined
  const sketches = new Map<number, Sketch>()
  for (const [index, kept] of stored) {
    const feature = set.features[index]
    const sketch = feature?.kind === 'sketch' ? restoreSketch(feature, kept) : undefined
    if (sketch === undefined) return undefined
    sketches.set(index, sketch)
  }
  return sketches.size === 0 ? null : sketches
}

function isAnything(_value: unknown): _value is unknown {
  return true
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
