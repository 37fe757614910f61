import { decodeTrusted, encode, type FragmentId, isFragmentId } from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import type { FeatureSet } from '../features/feature-set.ts'
import { restoreFeatures } from '../features/stored-features.ts'
import { restoreDevice, storedDevice } from '../identity/device.ts'
import { restoreTies, storedTies } from '../identity/stored-ties.ts'
import type { Tomb } from '../identity/ties.ts'
import { readCopy } from '../profile/copy.ts'
import type { Arena } from './arena.ts'
import { type Fragment, isEmpty } from './fragment.ts'
import { OpenChunk } from './open-chunk.ts'
import {
  isBoolean,
  isStrength,
  isTraitValue,
  restoreRegisters,
  storedRegisters,
} from './registers.ts'
import { SealedTimeline } from './sealed-timeline.ts'

/*
 * The row of a fragment: u8 version │ u32 length of the head │ head │ entries of the open chunk.
 * Head, as MessagePack: [identifier, sequence, index, sealed, traits, links, consents,
 * features id, features, lead, ties, device, time of the first fact, segments]. The entries are copied
 * as they stand in memory.
 */
const rowVersion = 1
const prefixBytes = 5

/** Where a row is written to: a row of its own would cost an allocation outside the heap each. */
export interface RowTarget {
  /** Begins the row of a fragment of this many bytes, and returns where in `bytes` it goes. */
  begin(identifier: FragmentId, size: number): number
  /** Read after `begin`, which may replace it. */
  readonly bytes: Uint8Array
}

export function encodeFragment(fragment: Fragment, arena: Arena, target: RowTarget): void {
  const { identifier, sequence, index, lead, open, sealed, traits, links, consents, features } =
    fragment
  const head = encode([
    isNameless(fragment) ? null : identifier,
    sequence,
    index,
    sealed?.stored() ?? null,
    storedRegisters(traits),
    storedRegisters(links),
    storedRegisters(consents),
    features?.set.id ?? null,
    features?.stored() ?? null,
    lead,
    storedTies(fragment.ties),
    storedDevice(fragment.device),
    fragment.bornAt,
    fragment.segments && [...fragment.segments],
  ])
  const at = target.begin(identifier, prefixBytes + head.length + open.used)
  const { bytes } = target
  bytes[at] = rowVersion
  for (let i = 0; i < 4; i++) bytes[at + 1 + i] = (head.length >>> (8 * i)) & 255
  bytes.set(head, at + prefixBytes)
  open.copyTo(arena, bytes, at + prefixBytes + head.length)
}

/**
 * @param set features to take over, where the row has exactly these
 * @throws AssertionError if the row is not one that `encodeFragment` of this or an earlier version
 *   made: a store that returns such a row cannot be trusted
 */
export function decodeFragment(
  identifier: FragmentId,
  row: Uint8Array,
  arena: Arena,
  set: FeatureSet | null,
): Fragment {
  assert(row[0] === rowVersion, `a fragment row of version ${row[0]}`)
  const headEnd = prefixBytes + new DataView(row.buffer, row.byteOffset).getUint32(1, true)
  const head = decodeTrusted(row, prefixBytes, headEnd)
  assert(Array.isArray(head), 'a fragment row that is whole')
  assert(head[0] === identifier || head[0] === null, 'a row of this identifier')
  const [
    ,
    sequence,
    index,
    sealed,
    traits,
    links,
    consents,
    id,
    features,
    lead,
    ties,
    device,
    bornAt,
    segments,
  ]: unknown[] = head
  const readTraits = restoreRegisters(traits, isTraitValue)
  const readLinks = restoreRegisters(links, isStrength)
  const readConsents = restoreRegisters(consents, isBoolean)
  // Rows from before recognition end before the ties.
  const readDevice = restoreDevice(device ?? null)
  assert(
    typeof sequence === 'number' &&
      typeof index === 'number' &&
      typeof lead === 'number' &&
      readTraits !== undefined &&
      readLinks !== undefined &&
      readConsents !== undefined &&
      readDevice !== undefined,
    'a fragment row that is whole',
  )
  const open = new OpenChunk()
  open.load(arena, row.subarray(headEnd))
  return {
    identifier,
    sequence,
    index,
    lead,
    bornAt: typeof bornAt === 'number' ? bornAt : -1,
    open,
    sealed: restoreSealed(sealed),
    traits: readTraits,
    links: readLinks,
    consents: readConsents,
    features: set !== null && set.id === id ? (restoreFeatures(set, features) ?? null) : null,
    ties: restoreTies(ties, readCopy),
    device: readDevice,
    segments: restoreSegments(segments),
  }
}

/** What an erase leaves names nobody: the key says whose it is to whoever knows the identifier. */
function isNameless(fragment: Fragment): boolean {
  const { ties } = fragment
  if (!isEmpty(fragment) || ties === null || ties.tomb === null) return false
  return ties.links.size + ties.below.size + ties.told.size === 0
}

/** The fragment of a row, without reading the rest; undefined for what an erase left. */
export function identifierInRow(row: Uint8Array): FragmentId | undefined {
  const headEnd = prefixBytes + new DataView(row.buffer, row.byteOffset).getUint32(1, true)
  const head = decodeTrusted(row, prefixBytes, headEnd)
  assert(Array.isArray(head), 'a fragment row that is whole')
  const [identifier]: unknown[] = head
  if (identifier === null) return undefined
  assert(isFragmentId(identifier), 'a fragment row that is whole')
  return identifier
}

/** What erases left in a fragment's row; null where none reached it. */
export function tombInRow(row: Uint8Array): Tomb | null {
  const headEnd = prefixBytes + new DataView(row.buffer, row.byteOffset).getUint32(1, true)
  const head = decodeTrusted(row, prefixBytes, headEnd)
  assert(Array.isArray(head), 'a fragment row that is whole')
  const { 10: ties }: unknown[] = head
  return restoreTies(ties, readCopy)?.tomb ?? null
}

/** Rows from before segments end before them. */
function restoreSegments(stored: unknown): ReadonlySet<string> | null {
  if (!Array.isArray(stored)) return null
  const names: unknown[] = stored
  assert(names.every(isText), 'segments that are whole')
  return new Set(names)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function restoreSealed(stored: unknown): SealedTimeline | null {
  if (stored === null) return null
  assert(Array.isArray(stored), 'a sealed timeline that is whole')
  const [chunks, entries, lastAt, recent, grants = 0]: unknown[] = stored
  assert(
    typeof chunks === 'number' &&
      typeof entries === 'number' &&
      typeof lastAt === 'number' &&
      typeof grants === 'number' &&
      Array.isArray(recent) &&
      recent.every((hash) => typeof hash === 'number'),
    'a sealed timeline that is whole',
  )
  return new SealedTimeline(chunks, entries, lastAt, recent, grants)
}
