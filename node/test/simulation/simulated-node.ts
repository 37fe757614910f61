import { createHash } from 'node:crypto'
import { TokenKeys } from '@halfsecond/protocol/token'
import type { Playbook } from '../../src/core/decision/playbook.ts'
import { readIdentity } from '../../src/identity-file/read-identity.ts'
import type { MemoryBusNetwork } from '../../src/memory/memory-bus.ts'
import type { MemoryCluster } from '../../src/memory/memory-coordination.ts'
import type { MemoryDecisions } from '../../src/memory/memory-decisions.ts'
import type { MemoryModels } from '../../src/memory/memory-models.ts'
import type { MemorySignals } from '../../src/memory/memory-signals.ts'
import { MemoryStore } from '../../src/memory/memory-store.ts'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import { playbookTexts } from '../../src/playbook/playbook-texts.ts'
import { Engine } from '../../src/runtime/engine.ts'
import type { EngineDependencies } from '../../src/runtime/engine-dependencies.ts'
import { standOf } from '../../src/runtime/shards/shard-rows.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'
import type { Coverage } from './coverage.ts'
import type { Dice } from './dice.ts'
import { Life } from './life.ts'
import { LifeBus } from './life-bus.ts'
import { LifeCoordination } from './life-coordination.ts'
import { LifeLog } from './life-log.ts'
import { type Disk, LifeStore } from './life-store.ts'
import type { LogServer } from './log-server.ts'
import type { VirtualTime } from './virtual-time.ts'
import { WatchingObserver } from './watching-observer.ts'

/** A supervisor starts a process that ended by itself after this time. */
const restartMs = 1_000

/** Replicas compare digests far more often than in production, as logs are short here. */
const digestEvery = 20

const tokenKeys = new TokenKeys(`k1:${Buffer.alloc(32, 7).toString('base64')}`)
const calendar = new ZoneCalendar()
const compiled = new Map<string, Playbook>()

export interface NodeSurroundings {
  readonly time: VirtualTime
  readonly dice: Dice
  readonly network: MemoryBusNetwork
  readonly cluster: MemoryCluster
  readonly signals: MemorySignals
  readonly decisions: MemoryDecisions
  readonly models: MemoryModels
  readonly server: LogServer
  readonly coverage: Coverage
  readonly memoryBytes: number
  /** Wraps what an engine gets, to plant a bug. */
  readonly plant: (uses: EngineDependencies, node: string) => EngineDependencies
  readonly answered: (node: SimulatedNode, request: Uint8Array, reply: Uint8Array) => void
}

/** A machine: its disk, and one life of the process after the other. */
export class SimulatedNode {
  readonly id: string
  disk: Disk = { store: new MemoryStore(), latencyMs: 2, isFull: false }
  /** Whether its coordination can be reached; outlives the process. */
  readonly coordination: ReturnType<MemoryCluster['connect']>
  /** Of the life that runs now; undefined while it starts, and while there is none. */
  engine: Engine | undefined
  observer: WatchingObserver
  life: Life | undefined
  lives = 0
  /** Whether it lost its disk, and has not got everything back since. */
  isWiped = false
  private readonly uses: NodeSurroundings
  private ports:
    | { readonly bus: LifeBus; readonly log: LifeLog; readonly store: LifeStore }
    | undefined

  constructor(id: string, uses: NodeSurroundings) {
    this.id = id
    this.uses = uses
    this.observer = new WatchingObserver(uses.coverage)
    this.coordination = uses.cluster.connect()
    this.coordination.latencyMs = 2
  }

  get isRunning(): boolean {
    return this.life?.isRunning === true && this.engine !== undefined
  }

  /** Position that its disk has of a shard; −1 where it has nothing that can be used. */
  stored(shard: number): number {
    const held = this.engine?.cluster.holdings.byNumber[shard]
    if (held?.status === 'discontinued' || held?.status === 'diverged') return -1
    const meta = this.disk.store.shard(shard).meta()
    return meta ? standOf(meta).applied : -1
  }

  start(): void {
    if (this.life?.isAlive) return
    const {
      time,
      dice,
      network,
      server,
      coverage,
      memoryBytes,
      plant,
      signals,
      decisions,
      models,
    } = this.uses
    if (++this.lives > 1) coverage.count('restarts')
    const life = new Life(`${this.id}#${this.lives}`, time)
    const observer = new WatchingObserver(coverage)
    const bus = new LifeBus(life, network.connect(this.id, observer), (subject, request, reply) => {
      if (subject.endsWith('.decide')) this.uses.answered(this, request, reply)
    })
    const log = new LifeLog(this.id, life, server, time)
    const store = new LifeStore(life, this.disk, time)
    this.life = life
    this.observer = observer
    this.ports = { bus, log, store }
    const uses = {
      id: this.id,
      tokenKeys,
      place: { host: this.id, zone: '', weight: 1, standbys: 1 },
      memoryBytes,
      log,
      signals,
      decisions,
      models,
      store,
      coordination: new LifeCoordination(life, this.coordination),
      erased: this.uses.cluster.erased,
      bus,
      clock: life.clock,
      calendar,
      random: dice,
      observer,
      texts: { ...playbookTexts, compile },
      author: {
        review: async () => ({ failures: [], warnings: [], changes: nothingChanged }),
      },
      hash: (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex'),
      parseIdentity: readIdentity,
      webhooks: [],
      postman: { post: async () => ({ kind: 'taken' }) as const },
      digestEvery,
    }
    Engine.start(plant(uses, this.id)).then(
      (engine) => {
        if (life.isAlive) this.engine = engine
        else void engine.client.close(0)
      },
      () => {
        this.kill()
        time.after(restartMs, () => this.start())
      },
    )
  }

  /** The process is gone at once: what is not on disk is lost. */
  kill(): void {
    const { life, ports, engine, uses } = this
    if (life === undefined || !life.isAlive) return
    life.end()
    ports?.store.crash(() => uses.dice.chance(0.5))
    void ports?.bus.close()
    void ports?.log.close()
    void engine?.client.close(0)
    this.engine = undefined
  }

  /** As kill, and what was on disk is lost too. */
  wipe(): void {
    this.kill()
    this.isWiped = true
    this.disk = { store: new MemoryStore(), latencyMs: 2, isFull: false }
  }
}

const nothingChanged = { added: 0, removed: 0, changed: 0, lines: [] }

function compile(text: string): Playbook {
  const playbook = compiled.get(text) ?? compilePlaybook(text)
  compiled.set(text, playbook)
  return playbook
}
