import { mkdirSync } from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'

/** Databases per environment: a store has one per shard and a few of its own. */
const databasesMax = 272

/** Address space, not disk: remapping a growing file would stall readers. */
const mapBytes = 64 * 1024 ** 3

export type Environment = RootDatabase<Buffer, Buffer>
export type Rowset = Database<Buffer, Buffer>

/** Known to lmdb, though its types leave it out. */
const recovery = { safeRestore: true }

const binary = { keyEncoding: 'binary', encoding: 'binary', cache: false } as const

/**
 * Opens an LMDB environment for fixed-layout keys and values that carry their own version. After
 * a crash it returns to the last transaction that reached the disk (`safeRestore`): whatever is
 * newer is in the log.
 */
export function openEnvironment(path: string): Environment {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return open<Buffer, Buffer>({
    path,
    ...binary,
    maxDbs: databasesMax,
    mapSize: mapBytes,
    ...recovery,
    noMemInit: false,
  })
}

export function openRows(environment: Environment, name: string): Rowset {
  return environment.openDB<Buffer, Buffer>({ name, ...binary })
}

/** Waits for the disk, but not for ever: after an error lmdb never settles `flushed`. */
export async function flushed(environment: Environment, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the disk took longer than ${timeoutMs} ms to sync`)),
      timeoutMs,
    )
  })
  try {
    await Promise.race([environment.flushed, late])
  } finally {
    clearTimeout(timer)
  }
}
