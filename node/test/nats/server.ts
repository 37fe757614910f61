import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, vi } from 'vitest'
import { type NatsServer, startNatsServer } from '../../../deploy/nats-server/run.ts'
import { Nats } from '../../src/nats/connection.ts'
import type { Observer } from '../../src/runtime/ports.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

/** An observer for adapters: keeps what they tell. */
export class Told {
  readonly failures: string[] = []
  readonly notes: string[] = []
  readonly observer: Observer = {
    folded: () => {},
    decided: () => {},
    questionFailed: () => {},
    decisionsLogged: () => {},
    decisionsUnlogged: () => {},
    fed: () => {},
    activated: () => {},
    passivated: () => {},
    committed: () => {},
    promoted: () => {},
    snapshotCopied: () => {},
    trimmed: () => {},
    posted: () => {},
    modelFailed: () => {},
    playbookActivated: () => {},
    noted: (_level, what) => void this.notes.push(what),
    failed: (what, error) => void this.failures.push(`${what}: ${error.message}`),
  }
}

/** Files are removed behind the answer, by a server whose disk others keep busy. */
const removedMs = { timeout: 30_000, interval: 10 }

/** A server without streams removes their common folder, perhaps while the next stream is made in it. */
const keptStream = 'KEPT'

/** A real nats-server for the tests of this file. Only inside a `describe` that needs one. */
export function useServer(): {
  readonly server: NatsServer
  /** Where it keeps its files. */
  readonly storeDir: string
  connect(told?: Told): Promise<Nats>
  /** Deletes streams, all unless these are named, and resolves once nothing is left of them. */
  removeStreams(nats: Nats, names?: readonly string[]): Promise<void>
} {
  const folder = scratchFolder()
  const storeDir = join(folder, 'nats')
  let running: NatsServer | undefined
  beforeAll(async () => {
    running = await startNatsServer({ storeDir })
  })
  afterAll(async () => {
    await running?.stop()
  })
  return {
    storeDir,
    get server() {
      if (running === undefined) throw new Error('the server runs once the tests do')
      return running
    },
    connect(told = new Told()) {
      return Nats.connect(this.server.url, 'test', told.observer)
    },
    async removeStreams(nats, names) {
      const manager = await jetstreamManager(nats.connection)
      await manager.streams.add({ name: keptStream })
      const all = names ?? (await allOf(manager.streams.names()))
      const removed = all.filter((name) => name !== keptStream)
      for (const name of removed) await manager.streams.delete(name)
      await vi.waitUntil(() => !isRemoving(storeDir, removed), removedMs)
    },
  }
}

/**
 * Whether files of deleted streams are there. A server answers once it has renamed the folder, with a
 * dot before its name. Where the folder of an earlier stream of that name is still being removed, it
 * cannot rename, says nothing, and takes the old messages for those of the next stream.
 */
function isRemoving(storeDir: string, removed: readonly string[]): boolean {
  const folder = join(storeDir, 'jetstream', '$G', 'streams')
  if (!existsSync(folder)) return false
  return readdirSync(folder).some((name) => name.startsWith('.') || removed.includes(name))
}

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of items) all.push(one)
  return all
}
