import { bounds } from './bounds.ts'
import { compareIdentifiers, type Identifier, type Namespaces } from './identifier.ts'

declare const withEpoch: unique symbol
/** A device's later epoch: what it did after it changed hands. Made by `fragmentIdOf`. */
export type EpochId = string & { readonly [withEpoch]: true }

/**
 * Names one fragment: an identifier, or one of a device's epochs. Epoch 0 is the identifier itself.
 * A later one is the identifier, a character that no identifier may have, and its number.
 */
export type FragmentId = Identifier | EpochId

const mark = '\u001f'

/** The fragment of an identifier in an epoch. */
export function fragmentIdOf(identifier: Identifier, epoch: number): FragmentId {
  if (epoch === 0) return identifier
  const id: string = `${identifier}${mark}${epoch}`
  if (isMarked(id)) return id
  throw new RangeError(`no epoch ${epoch}`)
}

function isMarked(text: string): text is EpochId {
  return text.indexOf(mark) > 0
}

/** The epoch of a fragment; 0 for whatever is no device, and for most devices. */
export function epochOf(id: FragmentId): number {
  const at = id.indexOf(mark)
  return at < 0 ? 0 : Number(id.slice(at + 1))
}

/** The identifier whose fragment it is; its home is there. */
export function identifierIn(id: FragmentId): Identifier {
  if (isUnmarked(id)) return id
  const identifier: string = id.slice(0, id.indexOf(mark))
  if (isUnmarked(identifier)) return identifier
  throw new RangeError('an identifier has no mark')
}

function isUnmarked(text: string): text is Identifier {
  return text.indexOf(mark) < 0
}

/** Whether it has the form; nodes tell each other nothing but identifiers that were checked before. */
export function isFragmentId(value: unknown): value is FragmentId {
  if (typeof value !== 'string' || value.indexOf(':') < 1) return false
  const at = value.indexOf(mark)
  const epoch = at < 0 ? 0 : Number(value.slice(at + 1))
  return Number.isInteger(epoch) && epoch >= 0 && epoch < bounds.epochsPerDevice
}

/** The static order: by identifier, then by epoch. Everybody computes it without asking. */
export function compareFragmentIds(a: FragmentId, b: FragmentId, namespaces: Namespaces): number {
  return compareIdentifiers(identifierIn(a), identifierIn(b), namespaces) || epochOf(a) - epochOf(b)
}

/** For people: `anon:4hG8`, or `anon:4hG8 #2` for a later epoch. */
export function fragmentName(id: FragmentId): string {
  const epoch = epochOf(id)
  return epoch === 0 ? id : `${identifierIn(id)} #${epoch}`
}
