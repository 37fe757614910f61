import { HalfsecondError } from '@halfsecond/protocol'
import { decodeEntry, type Entry, headerBytes, inOrder } from '../fragment/entry.ts'
import type { Ground } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { isTraitValue, type TraitValue } from '../fragment/registers.ts'

/*
 * What a fragment's home still knows of a time: for features and traits that were not logged with a
 * decision. Told as `[entries, floor, [name, value, at, …], [name, …]]`.
 *
 * What came later about an earlier time is in it too: nobody keeps when something was told.
 */

/** A fragment as it was at some time, as far as that is stored. */
export interface PastTimeline {
  /** As they stand in a timeline, in no order. */
  readonly entries: Uint8Array
  /** Older entries than this may be left out; null: none is. */
  readonly floor: number | null
  readonly traits: readonly PastTrait[]
  /** Traits that were written since: what they were then is gone. */
  readonly overwritten: readonly string[]
}

export interface PastTrait {
  readonly name: string
  readonly value: TraitValue
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Of somebody who never did anything. */
export const emptyPast: PastTimeline = {
  entries: new Uint8Array(0),
  floor: null,
  traits: [],
  overwritten: [],
}

/** Entries told of one fragment, the newest: some hundred. */
export const pastBytesMax = 32 * 1024

/** Sealed chunks read in one step: less than a millisecond. */
const chunksAtOnce = 8

/**
 * What a fragment has of this time and before, in steps between which other work may have its turn.
 * @param at milliseconds since 1970
 */
export function* pastInSteps(
  { identifier, open, sealed, traits }: Fragment,
  { arena, chunks }: Pick<Ground, 'arena' | 'chunks'>,
  at: number,
): Generator<void, PastTimeline> {
  const registers = [...(traits ?? [])]
  const known = registers.flatMap(([name, one]) =>
    one.at <= at && one.value !== undefined ? [{ name, value: one.value, at: one.at }] : [],
  )
  const overwritten = registers.flatMap(([name, one]) => (one.at > at ? [name] : []))
  const kept: Uint8Array[] = []
  let bytes = upTo(open.bytes(arena), at, kept)
  let floor: number | null = null
  let read = 0
  for (const chunk of sealed?.bytesBack(identifier, chunks) ?? []) {
    if (bytes + chunk.entries.length > pastBytesMax) {
      floor = Math.min(chunk.upTo, at)
      break
    }
    bytes += upTo(chunk.entries, at, kept)
    if (++read % chunksAtOnce === 0) yield
  }
  const entries = new Uint8Array(bytes)
  let end = 0
  for (const piece of kept) {
    entries.set(piece, end)
    end += piece.length
  }
  return { entries, floor, traits: known, overwritten }
}

/** Copies those that are not later, for the row that they stand in may change. Returns their bytes. */
function upTo(entries: Uint8Array, at: number, kept: Uint8Array[]): number {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
  let bytes = 0
  for (let start = 0; start < entries.length; ) {
    const length = view.getUint32(start, true)
    if (view.getFloat64(start + 8, true) <= at) {
      kept.push(entries.slice(start, start + length))
      bytes += length
    }
    start += length
  }
  return bytes
}

/** @throws HalfsecondError `MALFORMED` */
export function entriesOf({ entries }: PastTimeline): Entry[] {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
  const decoded: Entry[] = []
  for (let start = 0; start < entries.length; ) {
    const length = start + headerBytes < entries.length ? view.getUint32(start, true) : 0
    if (length <= headerBytes || start + length > entries.length) throw malformed()
    decoded.push(entryAt(entries, view, start))
    start += length
  }
  return decoded.sort(inOrder)
}

function entryAt(entries: Uint8Array, view: DataView, start: number): Entry {
  try {
    return decodeEntry(entries, view, start)
  } catch {
    throw malformed()
  }
}

export function storedPast({ entries, floor, traits, overwritten }: PastTimeline): unknown[] {
  return [entries, floor, traits.flatMap(({ name, value, at }) => [name, value, at]), overwritten]
}

/** @throws HalfsecondError `MALFORMED` */
export function pastIn(stored: unknown): PastTimeline {
  const [entries, floor, flat, overwritten]: unknown[] = Array.isArray(stored) ? stored : []
  if (!(entries instanceof Uint8Array) || (floor !== null && typeof floor !== 'number'))
    throw malformed()
  if (!Array.isArray(flat) || !Array.isArray(overwritten)) throw malformed()
  const traits: PastTrait[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [name, value, at]: unknown[] = flat.slice(i, i + 3)
    if (typeof name !== 'string' || !isTraitValue(value) || typeof at !== 'number')
      throw malformed()
    traits.push({ name, value, at })
  }
  const names = overwritten.filter((name) => typeof name === 'string')
  return { entries, floor, traits, overwritten: names }
}

function malformed(): HalfsecondError {
  return new HalfsecondError('MALFORMED', 'no timeline of a past time')
}
