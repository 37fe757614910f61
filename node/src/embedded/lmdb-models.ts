import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import type { Clock, Models, StoredModel } from '../runtime/ports.ts'
import {
  type Environment,
  flushed,
  openEnvironment,
  openRows,
  type Rowset,
} from '../store/environment.ts'
import { OneByOne } from './one-by-one.ts'

/*
 * A row's key: u48 version, big-endian. Its value: f64 time, little-endian │ the version's bytes.
 */
const keyBytes = 6
const headBytes = 8

const flushTimeoutMs = 10_000

/** As long as on a cluster. */
const keptMs = 30 * 24 * 3_600_000

/** Of the largest versions a hundred megabytes; a node alone is for trying out, or for a small site. */
const keptMax = 200

/** Rows that one publish removes at most, so that none takes long; it adds one. */
const removedAtOnce = 10

export interface ModelBounds {
  readonly keptMax: number
  readonly keptMs: number
}

/** Versions of a node alone, in one LMDB environment. */
export class LmdbModels implements Models {
  private readonly clock: Pick<Clock, 'now'>
  private readonly bounds: ModelBounds
  private readonly environment: Environment
  private readonly rows: Rowset
  private readonly watching = new Set<() => void>()
  private last: number
  private readonly writing = new OneByOne()
  private isClosed = false

  constructor(path: string, clock: Pick<Clock, 'now'>, bounds: ModelBounds = { keptMax, keptMs }) {
    this.clock = clock
    this.bounds = bounds
    this.environment = openEnvironment(path)
    this.rows = openRows(this.environment, 'models')
    this.last = 0
    for (const key of this.rows.getKeys({ limit: 1, reverse: true })) this.last = versionIn(key)
  }

  publish(version: number, bytes: Uint8Array): Promise<boolean> {
    return this.writing.run(() => this.write(version, bytes))
  }

  newest(): Promise<StoredModel | undefined> {
    return this.at(this.last)
  }

  at(version: number): Promise<StoredModel | undefined> {
    const row = version > 0 ? this.rows.getBinary(keyOf(version)) : undefined
    if (row === undefined) return Promise.resolve(undefined)
    const bytes = new Uint8Array(row.subarray(headBytes))
    return Promise.resolve({ version, publishedAt: row.readDoubleLE(), bytes })
  }

  watch(told: () => void): { close(): void } {
    // Each has its own entry, also where the same function watches twice.
    const own = () => told()
    this.watching.add(own)
    return { close: () => void this.watching.delete(own) }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.writing.settled()
    await this.environment.close()
  }

  private async write(version: number, bytes: Uint8Array): Promise<boolean> {
    if (this.isClosed) throw new HalfsecondError('CLOSED', 'the models are closed')
    if (version !== this.last + 1) return false
    const now = this.clock.now()
    const old = this.oldest(version, now)
    try {
      await this.environment.batch(() => {
        void this.rows.put(keyOf(version), rowOf(now, bytes))
        for (const key of old) void this.rows.remove(key)
      })
      await flushed(this.environment, flushTimeoutMs)
    } catch (error) {
      throw toHalfsecondError(error, 'UNAVAILABLE', 'cannot write a model')
    }
    this.last = version
    for (const told of this.watching) told()
    return true
  }

  /** Those that are dropped when the newest is `last`. */
  private oldest(last: number, now: number): readonly Buffer[] {
    const { keptMax, keptMs } = this.bounds
    const old: Buffer[] = []
    for (const { key, value } of this.rows.getRange({ limit: removedAtOnce })) {
      const isTooMany = last - versionIn(key) >= keptMax
      if (!isTooMany && now - value.readDoubleLE() < keptMs) break
      old.push(Buffer.from(key))
    }
    return old
  }
}

function keyOf(version: number): Buffer {
  const key = Buffer.alloc(keyBytes)
  key.writeUIntBE(Math.min(version, 2 ** 48 - 1), 0, keyBytes)
  return key
}

function versionIn(key: Buffer): number {
  return key.readUIntBE(0, keyBytes)
}

function rowOf(at: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeDoubleLE(at)
  return Buffer.concat([head, bytes])
}
