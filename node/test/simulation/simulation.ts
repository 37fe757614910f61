import { encode, encodeBatch, type Identifier } from '@halfsecond/protocol'
import { MemoryBusNetwork } from '../../src/memory/memory-bus.ts'
import { MemoryCluster } from '../../src/memory/memory-coordination.ts'
import type { EngineDependencies } from '../../src/runtime/engine.ts'
import { anon, event, start, visitorsOf } from '../support/records.ts'
import { Coverage } from './coverage.ts'
import { Dice } from './dice.ts'
import { Invariants } from './invariants.ts'
import { Life } from './life.ts'
import { LifeBus } from './life-bus.ts'
import { LifeLog } from './life-log.ts'
import { LogServer } from './log-server.ts'
import { nodeCount, type Schedule, type Step, shardCount } from './schedule.ts'
import { ShardTruth } from './shard-truth.ts'
import { SimulatedClient } from './simulated-client.ts'
import { SimulatedNode } from './simulated-node.ts'
import { VirtualTime } from './virtual-time.ts'
import { WatchingObserver } from './watching-observer.ts'

const clientCount = 3
const visitorCount = 10

/** Shows how many pages a visitor saw. */
const playbook = (name: string) => `
playbook: ${name}
consent: { personalise: assumed }
events: { page: {} }
placements:
  hero: { channel: web, format: banner, fallback: '0' }
offers:
  count:
    when: 'count("page", "30d") > 0'
    treatments: { banner: '\${count("page", "30d")}' }
`

export interface SimulationOptions {
  /** Wraps what an engine gets, to plant a bug. */
  readonly plant?: (uses: EngineDependencies, node: string) => EngineDependencies
}

/** Nodes, clients, network, log and coordination in one thread, on one time, from one seed. */
export class Simulation {
  readonly time = new VirtualTime(start)
  readonly dice: Dice
  readonly coverage = new Coverage()
  readonly truths: readonly ShardTruth[]
  readonly invariants: Invariants
  readonly server: LogServer
  readonly network: MemoryBusNetwork
  readonly nodes: readonly SimulatedNode[]
  readonly clients: readonly SimulatedClient[]
  readonly visitors: readonly Identifier[]
  /** Shards whose log lost entries that some replica may have. */
  readonly damaged = new Set<number>()
  private readonly noise = { loss: 0, twice: 0, delayMs: 0 }
  private isRecording = true
  private playbooks = 0
  private grown = 0

  constructor({ seed, memoryBytes }: Schedule, { plant = (uses) => uses }: SimulationOptions) {
    const dice = new Dice(seed ^ 0x5eed)
    const { time, coverage } = this
    this.dice = dice
    this.truths = Array.from({ length: shardCount }, (_, i) => new ShardTruth(i, shardCount))
    this.invariants = new Invariants(this.truths, () => time.monotonic())
    this.server = new LogServer(shardCount, time, dice, {
      appended: (shard, entry, by) => {
        const fault = this.truth(shard).append(entry, by, time.monotonic())
        if (fault !== undefined) this.invariants.broken('I7 fencing', fault)
      },
      lost: (shard, last) => this.lost(shard, last),
      trimmed: (shard, first) => this.trimmed(shard, first),
    })
    this.network = new MemoryBusNetwork(time)
    this.network.fate = () => this.fate()
    const cluster = new MemoryCluster(time)
    this.nodes = Array.from({ length: nodeCount }, (_, i) => {
      const { network, server } = this
      return new SimulatedNode(`n${i}`, {
        time,
        dice,
        network,
        cluster,
        server,
        coverage,
        memoryBytes,
        plant,
        answered: (node, request, reply) => {
          const shards = node.engine?.shards ?? []
          this.invariants.answered(node.id, shards, request, reply)
        },
      })
    })
    this.visitors = Array.from({ length: visitorCount }, (_, i) => anon(i))
    this.clients = Array.from({ length: clientCount }, (_, i) => this.client(`c${i}`))
  }

  /** Everything is up, every shard has its replicas, and a playbook decides. */
  async start(): Promise<void> {
    for (const node of this.nodes) node.start()
    await this.runUntil(() => this.nodes.every(({ engine }) => engine), 20_000)
    this.publishPlaybook(0)
    await this.runUntil(() => this.isWhole && this.isDeciding, 20_000)
    for (const client of this.clients) this.act(client)
  }

  get isBroken(): boolean {
    return this.invariants.violations.length > 0
  }

  /** Until it is so, or so much time has passed; looks at everything after each step. */
  async runUntil(isSo: () => boolean, ms: number): Promise<boolean> {
    const end = this.time.monotonic() + ms
    while (!this.isBroken && (await this.time.step(end))) {
      this.look()
      if (isSo()) return true
    }
    return isSo()
  }

  async run(ms: number): Promise<void> {
    await this.runUntil(() => false, ms)
  }

  /** Whether every shard is led by one node that may call its answers fresh. */
  get isServed(): boolean {
    return this.truths.every(
      ({ number, bare }) =>
        this.nodes.filter(
          ({ isRunning, engine }) =>
            isRunning &&
            engine?.cluster.holdings.leads(number) &&
            engine.shards.some(
              (shard) =>
                shard.number === number && shard.isFresh && shard.state.epoch === bare.state.epoch,
            ),
        ).length === 1,
    )
  }

  /** Whether every shard has a fresh primary and a fresh standby, as the map of all nodes says. */
  get isWhole(): boolean {
    if (!this.isServed) return false
    return this.nodes.every(({ isRunning, engine }) => {
      const map = engine?.cluster.map
      if (!isRunning || map === undefined) return false
      return map.shards.every(
        ({ primary, standbys, warming }, number) =>
          warming.length === 0 &&
          standbys.length === 1 &&
          [primary, ...standbys].every((id) => this.isFreshOn(id, number)),
      )
    })
  }

  apply(step: Step): void {
    const { kind, shard, ms } = step
    const node = this.node(step.node)
    switch (kind) {
      case 'kill':
        node.kill()
        return this.later(ms, () => node.start())
      case 'wipe':
        if (this.isOnDisk(node)) node.wipe()
        return this.later(ms, () => node.start())
      case 'pause': {
        const { life } = node
        life?.pause()
        this.coverage.count('pauses')
        return this.later(ms, () => life?.resume())
      }
      case 'jump': {
        const { life } = node
        if (life) life.skewMs += (ms - 2_500) * 1_000
        return
      }
      case 'partition':
        this.network.partition(
          [node.id],
          this.nodes.map(({ id }) => id).filter((id) => id !== node.id),
        )
        return this.later(ms, () => this.network.heal())
      case 'cut-log':
        this.server.setCut(node.id, true)
        return this.later(ms, () => this.server.setCut(node.id, false))
      case 'control-away':
        for (const { coordination } of this.nodes) coordination.isReachable = false
        return this.later(ms, () => {
          for (const { coordination } of this.nodes) coordination.isReachable = true
        })
      case 'control-stale':
        node.coordination.staleBy = 1 + (ms % 3)
        return this.later(ms, () => {
          node.coordination.staleBy = 0
        })
      case 'control-unconfirmed':
        node.coordination.unconfirmed = 1 + (ms % 3)
        return
      case 'noise':
        Object.assign(this.noise, { loss: 0.1, twice: 0.1, delayMs: 300 })
        return this.later(ms, () => this.calm())
      case 'ack-loss':
        this.server.ackLoss = 0.5
        return this.later(ms, () => {
          this.server.ackLoss = 0
        })
      case 'log-away':
        this.server.setUp(false)
        return this.later(ms, () => this.server.setUp(true))
      case 'log-full':
        this.server.log.shardBytesMax = 0
        return this.later(ms, () => {
          this.server.log.shardBytesMax = Number.POSITIVE_INFINITY
        })
      case 'log-clock':
        this.server.skewMs += (ms - 2_500) * 1_000
        return
      case 'disk-full':
        node.disk.isFull = true
        return this.later(ms, () => {
          node.disk.isFull = false
        })
      case 'disk-slow':
        node.disk.latencyMs = 2_000
        return this.later(ms, () => {
          node.disk.latencyMs = 2
        })
      case 'poison':
        return this.server.poison(node.id, shard)
      case 'garbage':
        this.coverage.count('dead-letters')
        return this.put(shard, Uint8Array.of(0xc1, 1, 2, 3), 'garbage')
      case 'reset':
        return this.server.reset(node.id)
      case 'lose-suffix':
        // What was trimmed cannot be folded again once all replicas are quarantined.
        if (!this.server.isPressed) void this.server.loseSuffix(shard, 1 + (ms % 12))
        return
      case 'grow':
        return this.grow(shard)
      case 'trim':
        this.server.isPressed = this.damaged.size === 0
        for (const { engine } of this.nodes) void engine?.cluster.trimmer.round()
        return
      case 'drain':
        void node.engine?.cluster.intend(node.id, 'drain').catch(() => undefined)
        return this.later(ms, () => {
          void node.engine?.cluster.intend(node.id, 'serve').catch(() => undefined)
        })
      case 'playbook':
        return this.publishPlaybook(step.node)
    }
  }

  /** Everything that was wrong ends; what only a human can repair is repaired. */
  heal(): void {
    this.calm()
    this.network.heal()
    this.server.setUp(true)
    this.server.ackLoss = 0
    this.server.clean()
    this.server.log.shardBytesMax = Number.POSITIVE_INFINITY
    for (const node of this.nodes) {
      this.server.setCut(node.id, false)
      node.coordination.isReachable = true
      node.coordination.staleBy = 0
      node.coordination.unconfirmed = 0
      node.disk.isFull = false
      node.disk.latencyMs = 2
      node.life?.resume()
      node.start()
    }
  }

  /** As the documentation tells operators to do about shards that stopped. */
  repair(): void {
    for (const node of this.nodes) {
      const stopped = node.engine?.shards.filter(({ isStopped }) => isStopped) ?? []
      if (stopped.length === 0) continue
      for (const { stopped: why } of stopped)
        if (!node.observer.alerts.includes(why))
          this.invariants.broken('I10 liveness', `${node.id} stopped without an alert: ${why}`)
      this.coverage.count('parked', stopped.filter(({ status }) => status === 'parked').length)
      const lost = stopped.filter(({ status }) => status === 'discontinued')
      this.coverage.count('quarantines', lost.length)
      if (lost.length > 0) node.wipe()
      else node.kill()
      node.start()
    }
  }

  /** Clients record nothing more. */
  endRecording(): void {
    this.isRecording = false
  }

  endAll(): void {
    for (const node of this.nodes) {
      this.coverage.count('copies', node.observer.copies)
      this.coverage.count('refused-commits', node.observer.refusedCommits)
      node.kill()
    }
  }

  truth(shard: number): ShardTruth {
    const truth = this.truths[shard]
    if (truth === undefined) throw new RangeError(`no shard ${shard}`)
    return truth
  }

  private get isDeciding(): boolean {
    return this.nodes.every(({ engine }) =>
      engine?.shards.every(({ state }) => state.playbook.version > 0),
    )
  }

  private isFreshOn(id: string, number: number): boolean {
    const node = this.nodes.find((one) => one.id === id)
    return node?.engine?.shards.some((shard) => shard.number === number && shard.isFresh) === true
  }

  /** Whether others have on their disks what this node has of trimmed logs. */
  private isOnDisk(_: SimulatedNode): boolean {
    return true
  }

  private look(): void {
    const leads = this.truths.map(() => 0)
    for (const { id, engine, life } of this.nodes) {
      if (engine === undefined || !life?.isAlive) continue
      for (const shard of engine.shards) this.invariants.replica(id, shard)
      for (const { number } of engine.cluster.holdings.led())
        leads[number] = (leads[number] ?? 0) + 1
    }
    if (leads.some((count) => count > 1)) this.coverage.count('double-primaries')
  }

  private fate(): readonly number[] {
    const { dice, noise } = this
    if (noise.loss === 0) return [dice.between(0.2, 2)]
    if (dice.chance(noise.loss)) return []
    const one = dice.chance(0.2) ? dice.between(2, noise.delayMs) : dice.between(0.2, 2)
    return dice.chance(noise.twice) ? [one, one + dice.between(0, 50)] : [one]
  }

  private calm(): void {
    Object.assign(this.noise, { loss: 0, twice: 0, delayMs: 0 })
  }

  private client(name: string): SimulatedClient {
    const { time, network, server, coverage } = this
    const life = new Life(name, time)
    const bus = new LifeBus(life, network.connect(name, new WatchingObserver()))
    const log = new LifeLog(name, life, server, time)
    const decided = (
      _startedAt: number,
      _shard: number,
      answer: { freshness: string } | undefined,
    ) => {
      coverage.count('decides')
      if (answer === undefined) coverage.count('defaults')
      else coverage.count(answer.freshness === 'fresh' ? 'fresh' : 'stale')
    }
    return new SimulatedClient({
      name,
      shards: shardCount,
      bus,
      log,
      clock: life.clock,
      coverage,
      decided,
    })
  }

  private act(client: SimulatedClient): void {
    const { time, dice } = this
    time.after(dice.between(20, 160), () => {
      if (!this.isRecording) return
      const visitor = dice.pick(this.visitors)
      if (dice.chance(0.5)) client.track(visitor)
      if (dice.chance(0.6)) client.decide(visitor)
      this.act(client)
    })
  }

  private publishPlaybook(node: number): void {
    void this.node(node)
      .engine?.publishPlaybook(playbook(`pages-${++this.playbooks}`))
      .catch(() => undefined)
  }

  /** Somebody imports much. */
  private grow(shard: number): void {
    const [key] = visitorsOf(shard, shardCount, 1)
    if (key === undefined) return
    const producer = `import${++this.grown}`
    for (let i = 1; i <= 1_200; i++) {
      const record = event(key, `${producer}-${Math.ceil(i / 100)}`, this.time.now())
      this.put(shard, encodeBatch(producer, i, [encode(record)]), producer)
    }
  }

  /** Appends at once, where the log takes it. */
  private put(shard: number, bytes: Uint8Array, by: string): void {
    this.server.append(shard, bytes, 'log', by).catch(() => undefined)
  }

  private lost(shard: number, last: number): void {
    this.damaged.add(shard)
    this.truth(shard).lose(last)
    for (const client of this.clients) client.forget(shard, last)
  }

  private trimmed(shard: number, first: number): void {
    this.coverage.count('trims')
    const holders = this.nodes.filter(({ disk }) => disk.store.shard(shard).meta() !== undefined)
    if (holders.length === 0) this.invariants.broken('I8 trim safety', `shard ${shard} at ${first}`)
  }

  private later(ms: number, run: () => void): void {
    this.time.after(ms, run)
  }

  private node(index: number): SimulatedNode {
    const node = this.nodes[index]
    if (node === undefined) throw new RangeError(`no node ${index}`)
    return node
  }
}
