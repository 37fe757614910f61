import { hash } from 'node:crypto'
import { encodeTombstone, readTombstone } from '../runtime/erase/tombstone-row.ts'
import type { Erased, Tombstone } from '../runtime/ports.ts'
import {
  type Environment,
  flushed,
  openEnvironment,
  openRows,
  type Rowset,
} from '../store/environment.ts'

const flushTimeoutMs = 10_000

/** What was erased, in an LMDB environment of its own: a backup of the others leaves it alone. */
export class LmdbErased implements Erased {
  private readonly environment: Environment
  private readonly rows: Rowset

  constructor(path: string) {
    this.environment = openEnvironment(path)
    this.rows = openRows(this.environment, 'erased')
  }

  async put(stone: Tombstone): Promise<void> {
    this.rows.putSync(keyOf(stone.key, stone.eraseId), Buffer.from(encodeTombstone(stone)))
    await flushed(this.environment, flushTimeoutMs)
  }

  get(key: string, eraseId: string): Promise<Tombstone | undefined> {
    const row = this.rows.getBinary(keyOf(key, eraseId))
    return Promise.resolve(row && readTombstone(row))
  }

  async *since(time: number): AsyncGenerator<Tombstone> {
    for (const { value } of this.rows.getRange({})) {
      const stone = readTombstone(value)
      if (stone !== undefined && touchedAt(stone) >= time) yield stone
    }
  }

  async close(): Promise<void> {
    await this.environment.close()
  }
}

function touchedAt({ at, effectiveAt, expungedAt }: Tombstone): number {
  return Math.max(at, effectiveAt, expungedAt)
}

function keyOf(key: string, eraseId: string): Buffer {
  return Buffer.from(hash('sha256', `${key} ${eraseId}`, 'hex'), 'hex')
}
