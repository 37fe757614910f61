import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import { entriesIn, framesOf } from '../runtime/decisions/entry-frame.ts'
import type { Clock, Decisions } from '../runtime/ports.ts'
import { CopiedRows } from '../store/copied-rows.ts'
import {
  type Environment,
  flushed,
  openEnvironment,
  openRows,
  type Rowset,
} from '../store/environment.ts'
import { currentFolder } from '../store/generations.ts'
import { rewriteRows } from '../store/rewrite-rows.ts'
import { OneByOne } from './one-by-one.ts'

/*
 * A row's key: u48 time of the append, big-endian │ u32 number within this process │ u8 partition.
 * Its value: a frame of entries. Beside the rows stands how many bytes they are, as f64.
 */
const timeBytes = 6
const keyBytes = timeBytes + 5

const framesName = 'frames'
const totalsName = 'totals'
const totalKey = Buffer.from('bytes')

const flushTimeoutMs = 10_000

/** As long as on a cluster. */
const keptMs = 30 * 24 * 3_600_000

/** Some hundred thousand decisions: a node alone is for trying out, or for a small site. */
const keptBytesMax = 256 * 1024 ** 2

/** Rows that one append removes at most, so that none takes long; it adds fewer. */
const removedAtOnce = 1_000

/** Rows that are copied out together: some megabytes. */
const readAtOnce = 16

export interface DecisionBounds {
  readonly keptBytesMax: number
  readonly keptMs: number
}

/** Decisions of a node alone, in one LMDB environment. */
export class LmdbDecisions implements Decisions {
  private readonly clock: Pick<Clock, 'now'>
  private readonly bounds: DecisionBounds
  private readonly path: string
  private environment: Environment
  private frames: Rowset
  private totals: Rowset
  private total: number
  private count = 0
  private readonly writing = new OneByOne()
  private readonly copied = new CopiedRows()
  private isClosed = false

  constructor(
    path: string,
    clock: Pick<Clock, 'now'>,
    bounds: DecisionBounds = { keptBytesMax, keptMs },
  ) {
    this.clock = clock
    this.bounds = bounds
    this.path = path
    this.environment = openEnvironment(currentFolder(path))
    this.frames = openRows(this.environment, framesName)
    this.totals = openRows(this.environment, totalsName)
    this.total = this.totals.getBinary(totalKey)?.readDoubleLE() ?? 0
    // Numbers of an earlier process are not given again within the same millisecond.
    for (const key of this.frames.getKeys({ limit: 1, reverse: true }))
      this.count = key.readUInt32BE(timeBytes) + 1
  }

  append(partition: number, entries: readonly Uint8Array[]): Promise<void> {
    return this.writing.run(() => this.write(partition, entries))
  }

  async *find(partition: number, from: number, to: number): AsyncGenerator<Uint8Array> {
    let start = keyOf(Math.max(0, from), 0, 0)
    const end = keyOf(Math.max(0, to) + 1, 0, 0)
    for (;;) {
      const rows = this.rows(start, end)
      for (const { key, value } of rows)
        if (key.readUInt8(keyBytes - 1) === partition) yield* entriesIn(value)
      const last = rows.at(-1)
      if (last === undefined) return
      start = Buffer.concat([last.key, Buffer.of(0)])
      // Rows of other partitions give nobody a turn by being yielded.
      await new Promise<void>((done) => setImmediate(done))
    }
  }

  remove(isGone: (entry: Uint8Array) => boolean): Promise<number> {
    return this.writing.run(() => this.removeNow(isGone))
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.writing.settled()
    await this.environment.close()
  }

  private async write(partition: number, entries: readonly Uint8Array[]): Promise<void> {
    this.refuseClosed()
    const now = this.clock.now()
    const frames = framesOf(entries)
    const added = frames.reduce((sum, { length }) => sum + length, 0)
    const old = this.oldest(added, now)
    const removed = old.reduce((sum, { bytes }) => sum + bytes, 0)
    await this.commit(() => {
      for (const frame of frames)
        void this.frames.put(this.nextKey(now, partition), asBuffer(frame))
      for (const { key } of old) void this.frames.remove(key)
      this.counted(added - removed)
    })
  }

  private async removeNow(isGone: (entry: Uint8Array) => boolean): Promise<number> {
    let count = 0
    let start = Buffer.alloc(0)
    for (;;) {
      const rows = this.rows(start, undefined)
      const last = rows.at(-1)
      if (last === undefined) break
      start = Buffer.concat([last.key, Buffer.of(0)])
      await this.commit(() => {
        for (const { key, value } of rows) {
          const entries = entriesIn(value)
          const kept = entries.filter((entry) => !isGone(entry))
          if (kept.length === entries.length) continue
          count += entries.length - kept.length
          const [frame] = framesOf(kept)
          if (frame === undefined) void this.frames.remove(key)
          else void this.frames.put(key, asBuffer(frame))
          this.counted((frame?.length ?? 0) - value.length)
        }
      })
    }
    if (count > 0) await this.rewrite()
    return count
  }

  private async commit(change: () => void): Promise<void> {
    try {
      await this.environment.batch(change)
      await flushed(this.environment, flushTimeoutMs)
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', 'cannot write the decision log')
    }
  }

  private counted(bytes: number): void {
    if (bytes === 0) return
    this.total += bytes
    const value = Buffer.alloc(8)
    value.writeDoubleLE(this.total)
    void this.totals.put(totalKey, value)
  }

  private nextKey(at: number, partition: number): Buffer {
    this.count = (this.count + 1) % 2 ** 32
    return keyOf(at, this.count, partition)
  }

  /** Copies of some rows, in order: what lies behind a view may change. */
  private rows(start: Buffer, end: Buffer | undefined) {
    this.refuseClosed()
    const range = { start, ...(end && { end }), limit: readAtOnce }
    return [...this.copied.of(this.frames, range)]
  }

  /** Those that are dropped when so many bytes are added. */
  private oldest(added: number, now: number): readonly { key: Buffer; bytes: number }[] {
    const { bounds } = this
    const old: { key: Buffer; bytes: number }[] = []
    let total = this.total + added
    for (const { key, value } of this.frames.getRange({ limit: removedAtOnce })) {
      const isTooMuch = total > bounds.keptBytesMax
      if (!isTooMuch && now - key.readUIntBE(0, timeBytes) < bounds.keptMs) break
      old.push({ key: Buffer.from(key), bytes: value.length })
      total -= value.length
    }
    return old
  }

  /** Copies what is left to a new file, and removes the old one. */
  private rewrite(): Promise<void> {
    const rowsets = new Map([
      [framesName, this.frames],
      [totalsName, this.totals],
    ])
    const pause = () => Promise.resolve()
    return rewriteRows(this.path, this.environment, rowsets, pause, (environment) => {
      this.environment = environment
      this.frames = openRows(environment, framesName)
      this.totals = openRows(environment, totalsName)
    })
  }

  private refuseClosed(): void {
    if (this.isClosed) throw new HalfsecondError('CLOSED', 'the decision log is closed')
  }
}

function keyOf(at: number, number: number, partition: number): Buffer {
  const key = Buffer.alloc(keyBytes)
  key.writeUIntBE(Math.min(at, 2 ** 48 - 1), 0, timeBytes)
  key.writeUInt32BE(number, timeBytes)
  key.writeUInt8(partition, keyBytes - 1)
  return key
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}
