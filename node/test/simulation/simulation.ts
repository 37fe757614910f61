import { encode, encodeBatch, type Identifier } from '@halfsecond/protocol'
import { MemoryBusNetwork } from '../../src/memory/memory-bus.ts'
import { MemoryCluster } from '../../src/memory/memory-coordination.ts'
import { MemoryDecisions } from '../../src/memory/memory-decisions.ts'
import { MemoryModels } from '../../src/memory/memory-models.ts'
import { MemorySignals } from '../../src/memory/memory-signals.ts'
import type { EngineDependencies } from '../../src/runtime/engine-dependencies.ts'
import type { Bus, Log } from '../../src/runtime/ports.ts'
import { event, start, visitorsOf } from '../support/records.ts'
import { Coverage } from './coverage.ts'
import { Dice } from './dice.ts'
import { faults } from './faults.ts'
import { Invariants } from './invariants.ts'
import { Life } from './life.ts'
import { LifeBus } from './life-bus.ts'
import { LifeLog } from './life-log.ts'
import { LogServer } from './log-server.ts'
import { type Deed, nextDeed } from './people.ts'
import { nodeCount, type Schedule, type Step, shardCount } from './schedule.ts'
import { ShardTruth } from './shard-truth.ts'
import { type Decided, SimulatedClient } from './simulated-client.ts'
import { SimulatedNode } from './simulated-node.ts'
import { VirtualTime } from './virtual-time.ts'
import { Watch } from './watch.ts'
import { WatchingObserver } from './watching-observer.ts'

const clientCount = 3

/** How long a cluster may take to form. */
const formedMs = 20_000

/** How long a run goes on after what was wrong first. */
const brokenMs = 100
const visitorsPerShard = 3

/** Nobody looks further back. */
const keptDecisions = 1_000

/** Enough for a log to be worth trimming. */
const grownEntries = 1_200

/** Offers that people accept one after the other. */
export const dealCount = 8
const deals = Array.from(
  { length: dealCount },
  (_, i) => `  deal${i}: { treatments: { script: deal } }`,
).join('\n')

/** Shows how many pages a visitor saw, and the deals that they have not accepted. */
const playbook = (name: string) => `
playbook: ${name}
consent: { personalise: assumed }
events: { page: {} }
facts: { seen: 'count("page", "30d") > 0', odd: 'count("page", "30d") % 2 == 1' }
segments: [seen, odd]
placements:
  hero: { channel: web, format: banner, fallback: '0' }
  deal: { channel: call, format: script, count: ${dealCount}, fallback: none }
offers:
${deals}
  count:
    when: 'count("page", "30d") > 0'
    treatments: { banner: '\${count("page", "30d")}' }
`

/** A bug, planted in what nodes or clients use. */
export interface Plant {
  readonly engine?: (uses: EngineDependencies, node: string) => EngineDependencies
  readonly clientLog?: (log: Log) => Log
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
  readonly signals = new MemorySignals()
  readonly nodes: readonly SimulatedNode[]
  readonly clients: readonly SimulatedClient[]
  readonly visitors: readonly Identifier[]
  /** What happens to messages: shares that are lost and that come twice, and how late some are. */
  noise = { loss: 0, twice: 0, delayMs: 0 }
  private readonly watch: Watch
  /** By shard: where its log begins. */
  private readonly firsts = Array.from({ length: shardCount }, () => 1)
  private noisyUntil = Number.NEGATIVE_INFINITY
  private hasControl = true
  /** Whether nodes may still know a former life of some log. */
  private isRecreated = false
  private isRecording = true
  private playbooks = 0
  private grown = 0

  /** What actors may take on a node. */
  readonly memoryBytes: number

  constructor({ seed, memoryBytes }: Schedule, plant: Plant) {
    const dice = new Dice(seed ^ 0x5eed)
    const { time, coverage } = this
    this.dice = dice
    this.memoryBytes = memoryBytes
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
    const decisions = new MemoryDecisions(time, keptDecisions)
    const models = new MemoryModels(time)
    this.nodes = Array.from({ length: nodeCount }, (_, i) => {
      const { network, server, signals } = this
      return new SimulatedNode(`n${i}`, {
        time,
        dice,
        network,
        cluster,
        signals,
        decisions,
        models,
        server,
        coverage,
        memoryBytes,
        plant: plant.engine ?? ((uses) => uses),
        answered: (node, request, reply) => {
          const shards = node.engine?.shards ?? []
          this.invariants.answered(node.id, shards, request, reply)
        },
      })
    })
    this.watch = new Watch(this.nodes, shardCount, this.invariants, coverage, () =>
      time.monotonic(),
    )
    this.visitors = this.truths.flatMap(({ number }) =>
      visitorsOf(number, shardCount, visitorsPerShard),
    )
    this.clients = Array.from({ length: clientCount }, (_, i) => this.client(`c${i}`, plant))
  }

  /** Everything is up, every shard has its replicas, and a playbook decides. */
  async start(): Promise<void> {
    for (const node of this.nodes) node.start()
    await this.expect(() => this.nodes.every(({ engine }) => engine), formedMs, 'that nodes start')
    this.publishPlaybook(this.node(0))
    await this.expect(() => this.isWhole && this.isDeciding, formedMs, 'that a cluster forms')
    for (const client of this.clients) this.act(client)
  }

  /** Whether something was wrong, a moment ago: what else is wrong then tells more. */
  get isBroken(): boolean {
    const [first] = this.invariants.violations
    return first !== undefined && this.time.monotonic() > first.atMs + brokenMs
  }

  /** Until it is so, or so much time has passed; looks at everything after each step. */
  async runUntil(isSo: () => boolean, ms: number): Promise<boolean> {
    const end = this.time.monotonic() + ms
    while (!this.isBroken && (await this.time.step(end))) {
      this.watch.look()
      if (isSo()) return true
    }
    return isSo()
  }

  /** That it is so before so much time has passed; unless something else is wrong. */
  async expect(isSo: () => boolean, ms: number, what: string): Promise<void> {
    const isFulfilled = await this.runUntil(isSo, ms)
    if (!isFulfilled && this.invariants.violations.length === 0)
      this.invariants.broken('I10 liveness', `not within ${ms} ms: ${what}`)
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
    const undo = faults[step.kind](this, this.node(step.node), step)
    if (undo !== undefined) this.time.after(step.ms, undo)
  }

  /** Everything that was wrong ends; what only a human can repair is repaired. */
  heal(): void {
    this.calm()
    this.network.heal()
    this.setControl(true)
    this.server.setUp(true)
    this.server.ackLoss = 0
    this.server.clean()
    this.server.log.shardBytesMax = Number.POSITIVE_INFINITY
    for (const node of this.nodes) {
      this.server.setCut(node.id, false)
      node.coordination.staleBy = 0
      node.coordination.unconfirmed = 0
      node.disk.isFull = false
      node.disk.latencyMs = 2
      node.life?.resume()
      node.start()
    }
  }

  /**
   * As the documentation tells operators to do about shards that stopped: a process starts again, and
   * without its data where the log is another one; one node after the other, so that each can copy
   * from others. False where nothing is to do.
   */
  repair(): boolean {
    const stopped = this.nodes.filter(({ engine }) =>
      engine?.shards.some(({ isStopped }) => isStopped),
    )
    for (const node of stopped) this.checkAlerts(node)
    const parked = stopped.find((node) => !isQuarantined(node))
    const lost = stopped.find((node) => isQuarantined(node) && this.isElsewhere(node))
    if (parked) parked.kill()
    else if (lost) lost.wipe()
    for (const node of this.nodes) node.start()
    if (stopped.length === 0 && this.isRecreated) {
      this.isRecreated = false
      this.restartAll()
    }
    return stopped.length > 0
  }

  /** Clients record nothing more. */
  endRecording(): void {
    this.isRecording = false
  }

  endAll(): void {
    for (const node of this.nodes) {
      node.kill()
    }
  }

  truth(shard: number): ShardTruth {
    const truth = this.truths[shard]
    if (truth === undefined) throw new RangeError(`no shard ${shard}`)
    return truth
  }

  calm(): void {
    if (this.noise.loss > 0) this.noisyUntil = this.time.monotonic()
    this.noise = { loss: 0, twice: 0, delayMs: 0 }
  }

  setControl(isReachable: boolean): void {
    this.hasControl = isReachable
    for (const { coordination } of this.nodes) coordination.isReachable = isReachable
  }

  /** Whether other running nodes have all that this one has and the logs no longer do. */
  isElsewhere(node: SimulatedNode): boolean {
    return this.firsts.every(
      (first, shard) =>
        first === 1 ||
        this.nodes.some(
          (one) =>
            one !== node &&
            one.isRunning &&
            this.isFreshOn(one.id, shard) &&
            one.stored(shard) >= first - 1,
        ),
    )
  }

  loseSuffix(shard: number, count: number): void {
    // What was trimmed too could not be folded again: that takes a backup.
    if (this.firsts[shard] === 1) void this.server.loseSuffix(shard, count)
  }

  recreate(shard: number): void {
    if (this.firsts[shard] !== 1) return
    this.isRecreated = true
    this.server.recreate(shard)
  }

  restartAll(): void {
    for (const node of this.nodes) {
      node.kill()
      node.start()
    }
  }

  /** Appends at once, where the log takes it. */
  put(shard: number, bytes: Uint8Array, by: string): void {
    this.server.append(shard, bytes, 'log', by).catch(() => undefined)
  }

  /** Somebody imports much. */
  grow(shard: number): void {
    const [key] = visitorsOf(shard, shardCount, 1)
    if (key === undefined) return
    const producer = `import${++this.grown}`
    for (let i = 1; i <= grownEntries; i++) {
      const record = event(key, `${producer}-${Math.ceil(i / 100)}`, this.time.now())
      this.put(shard, encodeBatch(producer, i, [encode(record)]), producer)
    }
  }

  publishPlaybook({ engine }: SimulatedNode): void {
    engine?.publishPlaybook(playbook(`pages-${++this.playbooks}`)).catch(() => undefined)
  }

  private checkAlerts({ id, engine, observer }: SimulatedNode): void {
    for (const { isStopped, status, stopped } of engine?.shards ?? []) {
      if (!isStopped) continue
      this.coverage.count(status === 'parked' ? 'parked' : 'quarantines')
      if (!observer.alerts.includes(stopped))
        this.invariants.broken('I10 liveness', `${id} stopped without an alert: ${stopped}`)
    }
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

  private fate(): readonly number[] {
    const { dice, noise } = this
    if (noise.loss === 0) return [dice.between(0.2, 2)]
    if (dice.chance(noise.loss)) return []
    const one = dice.chance(0.2) ? dice.between(2, noise.delayMs) : dice.between(0.2, 2)
    return dice.chance(noise.twice) ? [one, one + dice.between(0, 50)] : [one]
  }

  /** Somebody else who asks nodes. */
  connect(name: string): Bus {
    return this.network.connect(name, new WatchingObserver(this.coverage))
  }

  private client(name: string, plant: Plant): SimulatedClient {
    const { time, network, server, coverage } = this
    const life = new Life(name, time)
    const bus = new LifeBus(life, network.connect(name, new WatchingObserver(coverage)))
    const log: Log = new LifeLog(name, life, server, time)
    const decided = (one: Decided) => this.decided(one)
    return new SimulatedClient({
      name,
      shards: shardCount,
      bus,
      log: plant.clientLog?.(log) ?? log,
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
      if (dice.chance(0.4)) meet(client, nextDeed(dice))
      this.act(client)
    })
  }

  private lost(shard: number, last: number): void {
    this.truth(shard).lose(last, this.time.monotonic())
    for (const client of this.clients) client.forget(shard, last)
  }

  /** At least two disks have what the log no longer has, unless one of them was just lost. */
  private trimmed(shard: number, first: number): void {
    this.firsts[shard] = first
    this.coverage.count('trims')
    const holders = this.nodes.filter((node) => node.stored(shard) >= first - 1)
    const lost = this.nodes.filter((node) => node.isWiped && !holders.includes(node))
    if (holders.length + lost.length < 2)
      this.invariants.broken(
        'I8 trim safety',
        `the log of shard ${shard} begins at ${first}, and ${holders.length} nodes have what was before`,
      )
  }

  /** Where a node could have answered, a decide must not have ended without an answer. */
  private decided({ startedAt, shard, replicas, answer }: Decided): void {
    const { coverage, hasControl } = this
    coverage.count('decides')
    if (!hasControl) coverage.count('decides-without-control')
    if (answer !== undefined) {
      coverage.count(answer.freshness)
      return
    }
    coverage.count('defaults')
    if (this.noise.loss > 0 || this.noisyUntil > startedAt) return
    const able = replicas.find((node) => this.watch.hasAnswered(node, shard, startedAt))
    if (able === undefined) return
    this.invariants.broken(
      hasControl ? 'I10 liveness' : 'I11 static stability',
      `a decide got no answer, although ${able} held shard ${shard} all the time`,
    )
  }

  private node(index: number): SimulatedNode {
    const node = this.nodes[index]
    if (node === undefined) throw new RangeError(`no node ${index}`)
    return node
  }
}

function meet(client: SimulatedClient, deed: Deed): void {
  if (deed.kind === 'track') client.track(deed.who)
  else if (deed.kind === 'decide') client.decide(deed.who)
  else client.tell(deed.record)
}

/** Whether it holds what its log no longer is. */
function isQuarantined({ engine }: SimulatedNode): boolean {
  return engine?.shards.some(({ status }) => status === 'discontinued') === true
}
