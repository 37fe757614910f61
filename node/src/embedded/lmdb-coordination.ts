import type { Coordination, Revised } from '../runtime/ports.ts'
import {
  type Environment,
  flushed,
  openEnvironment,
  openRows,
  type Rowset,
} from '../store/environment.ts'

const flushTimeoutMs = 10_000
const revisionBytes = 4

/** The values that a node alone agrees on with itself, and its blobs, in one LMDB environment. */
export class LmdbCoordination implements Coordination {
  readonly isShared = false
  private readonly environment: Environment
  /** Value: u32 revision, little-endian │ bytes. */
  private readonly values: Rowset
  private readonly blobs: Rowset

  constructor(path: string) {
    this.environment = openEnvironment(path)
    this.values = openRows(this.environment, 'values')
    this.blobs = openRows(this.environment, 'blobs')
  }

  get(key: string): Promise<Revised | undefined> {
    return Promise.resolve(this.read(key))
  }

  async compareAndSet(key: string, value: Uint8Array, revision: number): Promise<boolean> {
    const row = Buffer.alloc(revisionBytes + value.length)
    row.writeUInt32LE(revision + 1)
    row.set(value, revisionBytes)
    const isSet = this.environment.transactionSync(() => {
      if ((this.read(key)?.revision ?? 0) !== revision) return false
      this.values.putSync(Buffer.from(key), row)
      return true
    })
    await flushed(this.environment, flushTimeoutMs)
    return isSet
  }

  async putBlob(hash: string, bytes: Uint8Array): Promise<void> {
    this.blobs.putSync(Buffer.from(hash), Buffer.from(bytes))
    await flushed(this.environment, flushTimeoutMs)
  }

  blob(hash: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.blobs.getBinary(Buffer.from(hash)))
  }

  async close(): Promise<void> {
    await this.environment.close()
  }

  private read(key: string): Revised | undefined {
    const row = this.values.getBinary(Buffer.from(key))
    if (row === undefined) return undefined
    return { value: row.subarray(revisionBytes), revision: row.readUInt32LE() }
  }
}
