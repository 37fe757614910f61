import { mkdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedLog } from './embedded/embedded-log.ts'
import { InProcessBus } from './embedded/in-process-bus.ts'
import { LmdbCoordination } from './embedded/lmdb-coordination.ts'
import { LmdbDecisions } from './embedded/lmdb-decisions.ts'
import { LmdbErased } from './embedded/lmdb-erased.ts'
import { LmdbModels } from './embedded/lmdb-models.ts'
import { LmdbSignals } from './embedded/lmdb-signals.ts'
import { Nats } from './nats/connection.ts'
import { ErasedStream } from './nats/erased-stream.ts'
import { JetStreamDecisions } from './nats/jetstream-decisions.ts'
import { JetStreamLog } from './nats/jetstream-log.ts'
import { JetStreamModels } from './nats/jetstream-models.ts'
import { JetStreamSignals } from './nats/jetstream-signals.ts'
import { KvCoordination } from './nats/kv-coordination.ts'
import { NatsBus } from './nats/nats-bus.ts'
import { provisionStreams } from './nats/provision-streams.ts'
import type {
  Bus,
  Clock,
  Coordination,
  Decisions,
  Erased,
  Log,
  Models,
  Observer,
  Signals,
  Store,
} from './runtime/ports.ts'
import { whileElecting } from './runtime/while-electing.ts'
import { LmdbStore } from './store/lmdb-store.ts'

/** The ports that differ by how a node runs, and how to close them. */
export interface ModePorts {
  readonly log: Log
  readonly signals: Signals
  readonly decisions: Decisions
  readonly models: Models
  readonly store: Store
  readonly coordination: Coordination
  readonly erased: Erased
  readonly bus: Bus
  close(): Promise<void>
}

export interface ModeOptions {
  readonly id: string
  readonly dataDir: string
  readonly shards: number
  readonly clock: Clock
  readonly observer: Observer
}

/** Everything in this process, all state below the data directory. */
export function openEmbedded({ dataDir, shards, clock, observer }: ModeOptions): ModePorts {
  const log = new EmbeddedLog(join(dataDir, 'log'), shards, clock)
  const store = new LmdbStore(join(dataDir, 'store'), shards)
  const coordination = new LmdbCoordination(join(dataDir, 'cluster'))
  const erased = new LmdbErased(join(dataDir, 'erased'))
  const signals = new LmdbSignals(join(dataDir, 'signals'), clock)
  const decisions = new LmdbDecisions(join(dataDir, 'decisions'), clock)
  const models = new LmdbModels(join(dataDir, 'models'), clock)
  const bus = new InProcessBus(observer)
  const close = async () => {
    await log.close()
    await bus.close()
    await signals.close()
    await decisions.close()
    await models.close()
    await store.close()
    await coordination.close()
    await erased.close()
  }
  return { log, signals, decisions, models, store, coordination, erased, bus, close }
}

/** Log, bus and coordination on NATS; only the store is below the data directory. */
export async function openOnNats(
  url: string,
  replicas: number,
  { id, dataDir, shards, clock, observer }: ModeOptions,
): Promise<ModePorts> {
  const nats = await Nats.connect(url, `halfsecond node ${id}`, observer)
  const opened = [nats]
  const closeAll = () => Promise.all(opened.map((one) => one.close()))
  try {
    const writing = await Nats.connect(url, `halfsecond node ${id} writes`, observer)
    opened.push(writing)
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    const { bavail, bsize } = statfsSync(dataDir)
    const storageBytes = bavail * bsize
    const logBytes = await whileElecting({ clock }, () =>
      provisionStreams(nats, { shards, replicas, storageBytes }),
    )
    observer.noted('info', `each of ${shards} logs may take ${Math.round(logBytes / 2 ** 20)} MiB`)
    const log = new JetStreamLog(nats, writing, shards, clock, observer, Math.random)
    const coordination = await whileElecting({ clock }, () => KvCoordination.open(nats, replicas))
    const erased = await whileElecting({ clock }, () => ErasedStream.open(nats, replicas))
    const signals = await whileElecting({ clock }, () =>
      JetStreamSignals.open(writing, replicas, clock, Math.random),
    )
    const decisions = await whileElecting({ clock }, () =>
      JetStreamDecisions.open(writing, { replicas, storageBytes }, clock, Math.random),
    )
    const models = await whileElecting({ clock }, () =>
      JetStreamModels.open(writing, { replicas, storageBytes }),
    )
    const store = new LmdbStore(join(dataDir, 'store'), shards)
    const bus = new NatsBus(nats)
    const close = async () => {
      await log.close()
      await closeAll()
      await store.close()
    }
    return { log, signals, decisions, models, store, coordination, erased, bus, close }
  } catch (error) {
    await closeAll()
    throw error
  }
}
