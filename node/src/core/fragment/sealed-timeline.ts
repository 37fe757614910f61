import type { FragmentId } from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import { decodeEntry, type Entry, identityOf } from './entry.ts'
import { isGrantAt } from './grants.ts'
import { decodeEntries } from './open-chunk.ts'

/** Rows of sealed chunks, by identifier and chunk number, counted from 0. */
export interface ChunkRows {
  /** The row, or undefined where none was sealed under this number. */
  read(identifier: FragmentId, number: number): Uint8Array | undefined
  seal(identifier: FragmentId, number: number, row: Uint8Array): void
  remove(identifier: FragmentId, number: number): void
}

/** Identity hashes of entries sealed last: with the open chunk, the newest 128 of a fragment. */
const recentMax = 128

/** What a fragment remembers of its sealed entries, so that most questions need no row. */
export class SealedTimeline {
  /** Sealed chunks, numbered 0 to chunks − 1. */
  chunks: number
  /** Entries in them. */
  entries: number
  /** Greatest at' in them. */
  lastAt: number
  /** How many of them are grants: without any nobody has to look. */
  grants: number
  private readonly recent: number[]

  constructor(chunks = 0, entries = 0, lastAt = -1, recent: number[] = [], grants = 0) {
    this.chunks = chunks
    this.entries = entries
    this.lastAt = lastAt
    this.recent = recent
    this.grants = grants
  }

  /** Seals these entries, which are in order, as the next chunk. */
  seal(identifier: FragmentId, entries: Uint8Array, rows: ChunkRows): void {
    const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
    const firstAt = view.getFloat64(8, true)
    let lastAt = firstAt
    let count = 0
    for (let at = 0; at < entries.length; at += view.getUint32(at, true)) {
      this.recent.push(view.getUint32(at + 4, true))
      lastAt = view.getFloat64(at + 8, true)
      if (isGrantAt(entries, at)) this.grants++
      count++
    }
    if (this.recent.length > recentMax) this.recent.splice(0, this.recent.length - recentMax)
    if (lastAt > this.lastAt) this.lastAt = lastAt
    rows.seal(identifier, this.chunks, chunkRow(firstAt, lastAt, this.lastAt, entries))
    this.chunks++
    this.entries += count
  }

  /**
   * When the entry of this identity was, or undefined where none was sealed. One of the newest is
   * found whatever its time; an older one where its time says.
   * @param from earliest at' that it can have
   */
  timeOf(
    identifier: FragmentId,
    hash: number,
    identity: string,
    from: number,
    rows: ChunkRows,
  ): number | undefined {
    let newest = this.recent.includes(hash) ? this.recent.length : 0
    if (newest === 0 && from > this.lastAt) return undefined
    for (const chunk of this.newestFirst(identifier, rows)) {
      if (newest <= 0 && chunk.greatestSoFar < from) return undefined
      if (newest <= 0 && chunk.lastAt < from) continue
      const { entries } = chunk
      const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
      for (let at = 0; at < entries.length; at += view.getUint32(at, true)) {
        newest--
        if (view.getUint32(at + 4, true) !== hash) continue
        const entry = decodeEntry(entries, view, at)
        if (identityOf(entry.record) === identity) return entry.at
      }
    }
    return undefined
  }

  /** All sealed entries; chunks may overlap in time, so the caller sorts. */
  read(identifier: FragmentId, rows: ChunkRows): Entry[] {
    const entries: Entry[] = []
    for (const chunk of this.newestFirst(identifier, rows))
      entries.push(...decodeEntries(chunk.entries))
    return entries
  }

  /**
   * Sealed entries, chunk by chunk, the one sealed last first. Whoever wants the newest may stop
   * where none of this chunk and those before it is as new as `upTo`.
   */
  *chunksBack(
    identifier: FragmentId,
    rows: ChunkRows,
  ): Generator<{ readonly upTo: number; readonly read: () => Entry[] }> {
    for (const { upTo, entries } of this.bytesBack(identifier, rows))
      yield { upTo, read: () => decodeEntries(entries) }
  }

  /** As `chunksBack`, not decoded. */
  *bytesBack(
    identifier: FragmentId,
    rows: ChunkRows,
  ): Generator<{ readonly upTo: number; readonly entries: Uint8Array }> {
    for (const { greatestSoFar, entries } of this.newestFirst(identifier, rows))
      yield { upTo: greatestSoFar, entries }
  }

  /** The entries of one chunk, as `seal` was given them. */
  entriesIn(identifier: FragmentId, number: number, rows: ChunkRows): Uint8Array {
    return chunkIn(identifier, number, rows).entries
  }

  decode(identifier: FragmentId, number: number, rows: ChunkRows): Entry[] {
    return decodeEntries(this.entriesIn(identifier, number, rows))
  }

  /** For rows: the arguments of the constructor. */
  stored(): unknown[] {
    const stored = [this.chunks, this.entries, this.lastAt, this.recent]
    return this.grants === 0 ? stored : [...stored, this.grants]
  }

  private *newestFirst(identifier: FragmentId, rows: ChunkRows): Generator<ChunkRow> {
    for (let number = this.chunks - 1; number >= 0; number--) {
      yield chunkIn(identifier, number, rows)
    }
  }
}

interface ChunkRow {
  readonly lastAt: number
  /** Greatest at' of this chunk and all before it: a search backwards may stop below it. */
  readonly greatestSoFar: number
  readonly entries: Uint8Array
}

const chunkVersion = 1
const chunkHeaderBytes = 25

/** u8 version │ f64 first at' │ f64 last at' │ f64 greatest at' so far │ entries */
function chunkRow(
  firstAt: number,
  lastAt: number,
  greatest: number,
  entries: Uint8Array,
): Uint8Array {
  const row = new Uint8Array(chunkHeaderBytes + entries.length)
  const view = new DataView(row.buffer)
  row[0] = chunkVersion
  view.setFloat64(1, firstAt, true)
  view.setFloat64(9, lastAt, true)
  view.setFloat64(17, greatest, true)
  row.set(entries, chunkHeaderBytes)
  return row
}

function chunkIn(identifier: FragmentId, number: number, rows: ChunkRows): ChunkRow {
  const row = rows.read(identifier, number)
  assert(row !== undefined, `the store lost chunk ${number} of a timeline`)
  return readChunkRow(row)
}

function readChunkRow(row: Uint8Array): ChunkRow {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
  return {
    lastAt: view.getFloat64(9, true),
    greatestSoFar: view.getFloat64(17, true),
    entries: row.subarray(chunkHeaderBytes),
  }
}
