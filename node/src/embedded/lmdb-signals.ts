import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import type { Clock, Signals, SignalText, StoredSignal } from '../runtime/ports.ts'
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
 * A signal's key: u48 cursor, big-endian. Its value: f64 time, little-endian │ u8 length of the id │
 * id │ text. A second set of rows leads from an id to its cursor.
 */
const cursorBytes = 6
const headBytes = 9

const signalsName = 'signals'
const idsName = 'ids'

/** No id: the greatest cursor that was ever given, where its signal was removed. */
const lastKey = Buffer.from('last')

const flushTimeoutMs = 10_000

/** As long as on a cluster: whoever was away for longer takes all profiles anew. */
const keptMs = 30 * 24 * 3_600_000

/** About as many as fit the stream of a cluster. */
const keptMax = 1_000_000

/** Signals that one publish removes at most, so that none takes long; it adds fewer. */
const removedAtOnce = 1_000

export interface SignalBounds {
  readonly keptMax: number
  readonly keptMs: number
}

/** Signals of a node alone, in one LMDB environment. */
export class LmdbSignals implements Signals {
  private readonly clock: Pick<Clock, 'now'>
  private readonly bounds: SignalBounds
  private readonly path: string
  private environment: Environment
  private signals: Rowset
  private ids: Rowset
  private first: number
  private last: number
  private readonly writing = new OneByOne()
  private isClosed = false

  constructor(path: string, clock: Pick<Clock, 'now'>, bounds: SignalBounds = { keptMax, keptMs }) {
    this.clock = clock
    this.bounds = bounds
    this.path = path
    this.environment = openEnvironment(currentFolder(path))
    this.signals = openRows(this.environment, signalsName)
    this.ids = openRows(this.environment, idsName)
    this.last = Math.max(this.edge(true) ?? 0, this.noted())
    this.first = this.edge(false) ?? this.last + 1
  }

  publish(_shard: number, signals: readonly SignalText[]): Promise<void> {
    return this.writing.run(() => this.write(signals))
  }

  read(after: number, limit: number): Promise<readonly StoredSignal[]> {
    if (after >= this.last) return Promise.resolve([])
    const start = keyOf(Math.max(after + 1, this.first))
    const range = this.signals.getRange({ start, end: keyOf(this.last + 1), limit })
    return Promise.resolve(
      Array.from(range, ({ key, value }) => ({
        cursor: key.readUIntBE(0, cursorBytes),
        text: textIn(value),
      })),
    )
  }

  remove(isGone: (text: string) => boolean): Promise<number> {
    return this.writing.run(() => this.removeNow(isGone))
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.writing.settled()
    await this.environment.close()
  }

  private async write(signals: readonly SignalText[]): Promise<void> {
    if (this.isClosed) throw new HalfsecondError('CLOSED', 'the signals are closed')
    const now = this.clock.now()
    const fresh = signals.filter(({ id }) => this.ids.getBinary(Buffer.from(id)) === undefined)
    const last = this.last + fresh.length
    const old = this.oldest(last, now)
    try {
      await this.environment.batch(() => {
        for (const [index, { id, text }] of fresh.entries()) {
          const key = keyOf(this.last + 1 + index)
          void this.signals.put(key, signalRow(now, id, text))
          void this.ids.put(Buffer.from(id), key)
        }
        for (const { key, value } of old) {
          void this.signals.remove(key)
          void this.ids.remove(idIn(value))
        }
      })
      await flushed(this.environment, flushTimeoutMs)
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', 'cannot write signals')
    }
    this.last = last
    this.first += old.length
  }

  private async removeNow(isGone: (text: string) => boolean): Promise<number> {
    if (this.isClosed) throw new HalfsecondError('CLOSED', 'the signals are closed')
    try {
      const gone = Array.from(this.signals.getRange({})).filter(({ value }) =>
        isGone(textIn(value)),
      )
      if (gone.length === 0) return 0
      await this.environment.batch(() => {
        // The greatest may be among them: its number is not given out again.
        void this.ids.put(lastKey, keyOf(this.last))
        for (const { key, value } of gone) {
          void this.signals.remove(key)
          void this.ids.remove(idIn(value))
        }
      })
      await flushed(this.environment, flushTimeoutMs)
      await this.rewrite()
      this.first = this.edge(false) ?? this.last + 1
      return gone.length
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', 'cannot remove signals')
    }
  }

  /** Copies what is left to a new file, and removes the old one. */
  private rewrite(): Promise<void> {
    const rowsets = new Map([
      [signalsName, this.signals],
      [idsName, this.ids],
    ])
    const pause = () => Promise.resolve()
    return rewriteRows(this.path, this.environment, rowsets, pause, (environment) => {
      this.environment = environment
      this.signals = openRows(environment, signalsName)
      this.ids = openRows(environment, idsName)
    })
  }

  private noted(): number {
    return this.ids.getBinary(lastKey)?.readUIntBE(0, cursorBytes) ?? 0
  }

  /** Those that are dropped when the newest is `last`. */
  private oldest(last: number, now: number): readonly { key: Buffer; value: Buffer }[] {
    const { first, bounds } = this
    const range = this.signals.getRange({
      start: keyOf(first),
      end: keyOf(this.last + 1),
      limit: removedAtOnce,
    })
    const old: { key: Buffer; value: Buffer }[] = []
    for (const { key, value } of range) {
      const isTooMany = last - first + 1 - old.length > bounds.keptMax
      if (!isTooMany && now - value.readDoubleLE() < bounds.keptMs) break
      old.push({ key, value: Buffer.from(value) })
    }
    return old
  }

  private edge(isLast: boolean): number | undefined {
    for (const key of this.signals.getKeys({ limit: 1, reverse: isLast }))
      return key.readUIntBE(0, cursorBytes)
    return undefined
  }
}

function idIn(value: Buffer): Buffer {
  return value.subarray(headBytes, headBytes + value.readUInt8(8))
}

function textIn(value: Buffer): string {
  return value.toString('utf8', headBytes + value.readUInt8(8))
}

function keyOf(cursor: number): Buffer {
  const key = Buffer.alloc(cursorBytes)
  key.writeUIntBE(cursor, 0, cursorBytes)
  return key
}

function signalRow(at: number, id: string, text: string): Buffer {
  const name = Buffer.from(id)
  const head = Buffer.alloc(headBytes)
  head.writeDoubleLE(at)
  head.writeUInt8(name.length, 8)
  return Buffer.concat([head, name, Buffer.from(text)])
}
