import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
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

/** A real nats-server for the tests of this file. Only inside a `describe` that needs one. */
export function useServer(): {
  readonly server: NatsServer
  /** Where it keeps its files. */
  readonly storeDir: string
  connect(told?: Told): Promise<Nats>
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
  }
}
