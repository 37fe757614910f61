import {
  bounds,
  decodeTrusted,
  encode,
  epochOf,
  type FragmentId,
  isFragmentId,
} from '@halfsecond/protocol'
import { AssertionError, assert } from '../assert.ts'
import type { FeatureSet } from '../features/feature-set.ts'
import type { FeatureState } from '../features/feature-state.ts'
import { restoreFeatures } from '../features/stored-features.ts'
import type { Fragment } from '../fragment/fragment.ts'
import {
  isBoolean,
  isTraitValue,
  type Registers,
  restoreRegisters,
  storedRegisters,
  type TraitValue,
} from '../fragment/registers.ts'
import { type Device, meantUntil } from '../identity/device.ts'
import type { Copy, CopyLink } from '../identity/ties.ts'
import { linksOverLimit, type Part, validLinks, versionOf } from './part.ts'

/*
 * A fragment as it is handed up, without its timeline. MessagePack:
 *
 *   [1, id, sequence, index, playbook version, links, features id, body, meant until, over limit]
 *
 * Links are `[[to, since], …]`; the last two are left out where nothing is to be said.
 * `body` is a byte string, MessagePack again: [traits, consents, features, time of the first fact]
 * as they are stored in rows. So the fold, which needs the head only, does not decode it.
 */
const copyVersion = 1

/** Times that each ring keeps, in turn, where a copy is too large; what needs more is unknown. */
const ringSteps: readonly number[] = [Number.POSITIVE_INFINITY, 256, 64, 16, 4, 1]

/** Links that a copy tells: with the longest identifiers half of a copy. */
const toldLinksMax = 96

/** Of those that are over a limit, so many: a person has one or two, more are hardly one person's. */
const toldOverLimitMax = 16

/**
 * The copy of a fragment at its home.
 * @param device of the fragment's identifier
 */
export function encodeCopy(
  fragment: Fragment,
  device: Device | null,
  features: FeatureState | null,
  playbookVersion: number,
): Uint8Array {
  const { identifier: id, traits, consents, bornAt } = fragment
  const links = validLinks(fragment)
  const part = { id, version: versionOf(fragment), bornAt, traits, consents, links, features }
  const known = {
    meantUntil: meantUntil(device, epochOf(id)),
    overLimit: linksOverLimit(fragment).slice(0, toldOverLimitMax),
  }
  return encodePart({ ...part, ...known }, playbookVersion)
}

/** A part that was read as it is now, for one answer: it does not say what only its home knows. */
export function copyOfPart(part: Part, playbookVersion: number): Copy {
  const { id, version, links } = part
  return { id, version, links, overLimit: noLinks, bytes: encodePart(part, playbookVersion) }
}

/** What a copy is made of: only a home knows what a device's name means, and what was refused. */
type Told = Part & Partial<Pick<Copy, 'meantUntil' | 'overLimit'>>

/**
 * At most `bounds.copyBytes`, refused consents aside: those must hold whatever their number. What is
 * too large becomes unknown: first the oldest times of long rings, then all features, then the values
 * of traits. A trait without its value still wins over older ones, so nothing outdated comes back.
 * Links are judged oldest first, so beyond `toldLinksMax` the youngest are left out.
 */
export function encodePart(whole: Told, playbookVersion: number): Uint8Array {
  const part = whole.links.length > toldLinksMax ? shortOfLinks(whole) : whole
  for (const smaller of smallerAndSmaller(part, playbookVersion)) {
    if (smaller.length <= bounds.copyBytes) return smaller
  }
  const refused = { ...part, consents: refusals(part.consents) }
  return assemble(refused, null, null, 0, playbookVersion)
}

function* smallerAndSmaller(part: Told, playbookVersion: number): Generator<Uint8Array> {
  const { traits, features } = part
  if (features !== null)
    for (const ringMax of ringSteps)
      yield assemble(part, traits, features, ringMax, playbookVersion)
  yield assemble(part, traits, null, 0, playbookVersion)
  yield assemble(part, withoutValues(traits), null, 0, playbookVersion)
  yield assemble(part, null, null, 0, playbookVersion)
}

function assemble(
  { id, version, bornAt, consents, links, meantUntil: until, overLimit = [] }: Told,
  traits: Part['traits'],
  features: FeatureState | null,
  ringMax: number,
  playbookVersion: number,
): Uint8Array {
  const stored = features?.stored(ringMax) ?? null
  const body = encode([storedRegisters(traits), storedRegisters(consents), stored, bornAt])
  const { sequence, index } = version
  const setId = features?.set.id ?? null
  const head = [copyVersion, id, sequence, index, playbookVersion, storedLinks(links), setId, body]
  if (until === undefined) return encode(head)
  return encode(
    overLimit.length === 0 ? [...head, until] : [...head, until, storedLinks(overLimit)],
  )
}

function storedLinks(links: readonly CopyLink[]): readonly (readonly [FragmentId, number])[] {
  return links.map(({ to, since }) => [to, since])
}

function shortOfLinks(part: Told): Told {
  return { ...part, links: part.links.toSorted((a, b) => a.since - b.since).slice(0, toldLinksMax) }
}

function refusals(consents: Registers<boolean> | null): Registers<boolean> | null {
  return consents && new Map([...consents].filter(([, { value }]) => value === false))
}

function withoutValues(traits: Registers<TraitValue> | null): Registers<TraitValue> | null {
  return traits && new Map([...traits].map(([name, one]) => [name, { ...one, value: undefined }]))
}

/**
 * The head of a copy, which is all that the fold needs. It keeps bytes of its own: those given are
 * mostly a view into a whole batch, and `slice` of Node's own arrays would not copy them.
 * @throws AssertionError if they are no copy
 */
export function readCopy(bytes: Uint8Array): Copy {
  const { body: _, setId: __, ...head } = headOf(bytes)
  return { ...head, bytes: new Uint8Array(bytes) }
}

/**
 * The whole copy.
 * @param set features to take over, where the copy has exactly these
 * @throws AssertionError if they are no copy
 */
export function partOf(bytes: Uint8Array, set: FeatureSet): Part {
  const { id, version, links, setId, body } = headOf(bytes)
  const fields = decoded(body)
  assert(Array.isArray(fields), 'the body of a copy')
  const [storedTraits, storedConsents, storedFeatures, bornAt]: unknown[] = fields
  const traits = restoreRegisters(storedTraits, isTraitValue)
  const consents = restoreRegisters(storedConsents, isBoolean)
  assert(
    traits !== undefined && consents !== undefined && typeof bornAt === 'number',
    'a copy that is whole',
  )
  const features = setId === set.id ? (restoreFeatures(set, storedFeatures) ?? null) : null
  return { id, version, bornAt, traits, consents, links, features }
}

interface Head extends Omit<Copy, 'bytes'> {
  readonly setId: unknown
  readonly body: Uint8Array
}

function headOf(bytes: Uint8Array): Head {
  const fields = decoded(bytes)
  assert(Array.isArray(fields) && fields[0] === copyVersion, 'a copy of a known version')
  const [, id, sequence, index, playbookVersion, told, setId, body, until, over]: unknown[] = fields
  assert(
    isFragmentId(id) &&
      typeof sequence === 'number' &&
      typeof index === 'number' &&
      typeof playbookVersion === 'number' &&
      Array.isArray(told) &&
      body instanceof Uint8Array &&
      (until === undefined || until === null || typeof until === 'number') &&
      (over === undefined || Array.isArray(over)),
    'a copy that is whole',
  )
  const overLimit = over === undefined ? noLinks : over.map(linkOf)
  const version = { sequence, index }
  const head = { id, version, links: told.map(linkOf), overLimit, setId, body }
  return until === undefined ? head : { ...head, meantUntil: until }
}

const noLinks: readonly CopyLink[] = []

function linkOf(told: unknown): CopyLink {
  assert(Array.isArray(told), 'a link in a copy')
  const [to, since]: unknown[] = told
  assert(isFragmentId(to) && typeof since === 'number', 'a link in a copy')
  return { to, since }
}

function decoded(bytes: Uint8Array): unknown {
  try {
    return decodeTrusted(bytes)
  } catch (error) {
    throw new AssertionError(`no MessagePack: ${String(error)}`)
  }
}
