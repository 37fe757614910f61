import { type Client, connectOver } from '@halfsecond/client'
import {
  builtInNamespaces,
  type FragmentId,
  HalfsecondError,
  type Identifier,
  type Namespaces,
  namespacesOf,
  type Position,
  type ShardMap,
  subjects,
  type Value,
} from '@halfsecond/protocol'
import type { TokenKeys } from '@halfsecond/protocol/token'
import type { Explanation } from '../core/decision/explanation.ts'
import { defaultsOf } from '../core/decision/playbook.ts'
import type { ConflictView } from '../core/person/conflicts.ts'
import type { HeadView } from '../core/person/head-view.ts'
import type { ProfileView, SourceView } from '../core/profile-view.ts'
import { Actors } from './actors/actors.ts'
import { Appender } from './appender.ts'
import { Cluster } from './cluster/cluster.ts'
import { ControlDoor } from './cluster/control.ts'
import { clientMapOf } from './cluster/messages.ts'
import { Operations } from './cluster/operations.ts'
import { RemoteReads } from './cluster/remote-reads.ts'
import type { Decider } from './decisions/decider.ts'
import { makeDeciding } from './decisions/deciding.ts'
import type { DecisionLog } from './decisions/decision-log.ts'
import { explainTo } from './decisions/explain-to.ts'
import type { PastDecisions } from './decisions/past-decisions.ts'
import type { TrialRead } from './decisions/playbook-trials.ts'
import { Playbooks } from './decisions/playbooks.ts'
import { makePublishing, type Publishing } from './decisions/publishing.ts'
import { Webhooks } from './delivery/webhooks.ts'
import type { EngineDependencies } from './engine-dependencies.ts'
import { type ErasePart, makeErase } from './erase/erase-part.ts'
import { Experiments } from './experiments/experiments.ts'
import { healthOf } from './health-of.ts'
import { type Identity, makeIdentity } from './identity/identity.ts'
import type { IdentityRead } from './identity/identity-reads.ts'
import type { Pulse } from './identity/pulse.ts'
import { incarnationsOf } from './incarnations.ts'
import { Learning } from './learning/learning.ts'
import { LocalTransport } from './local-transport.ts'
import type { ActivePlaybook, Health, NodeApi, ReplicaView } from './node-api.ts'
import type { Signals } from './ports.ts'
import { Profiles } from './profiles.ts'
import { answerOf, type ReadRequest } from './reads.ts'
import { replicaViews } from './replica-views.ts'
import type { Segmenter } from './segments/segmenter.ts'
import { makeSegments } from './segments/segments.ts'
import { Checkpointer } from './shards/checkpointer.ts'
import type { Shard } from './shards/shard.ts'
import { whileElecting } from './while-electing.ts'

/** One node: the shards that the map gives to it, and what its doors ask. Sees the world through ports. */
export class Engine implements NodeApi {
  readonly id: string
  readonly tokenKeys: TokenKeys
  readonly signals: Signals
  readonly client: Client
  readonly actors: Actors
  readonly checkpointer: Checkpointer
  readonly cluster: Cluster
  readonly operations: Operations
  readonly webhooks: Webhooks
  readonly erasures: ErasePart['erasures']
  readonly past: PastDecisions
  readonly learning: Learning
  readonly joined: Learning['joined']
  readonly versions: Learning['versions']
  readonly experiments: Experiments
  private readonly uses: EngineDependencies
  private readonly appender: Appender
  private readonly mapListeners = new Set<(map: ShardMap) => void>()
  private readonly playbooks = new Playbooks()
  private readonly decisive: Publishing
  readonly decisionLog: DecisionLog
  private readonly decider: Decider
  private readonly segmenter: Segmenter
  private readonly reader: Profiles
  private readonly reads: RemoteReads
  private readonly recognising: Identity
  private readonly erasing: ErasePart
  private readonly control: ControlDoor
  private isLeaving = false

  /**
   * Joins the cluster, opens the shards that the map gives to it, follows their logs until all that
   * they have is folded, and leads those that it shall lead. A node alone rejects where a log cannot
   * be followed from what the store has; in a cluster others have the shard.
   */
  static async start(uses: EngineDependencies): Promise<Engine> {
    const engine = new Engine(uses, await incarnationsOf(uses))
    try {
      // First, since whoever holds a shard is asked: without a model it would decide as if nothing was learnt.
      await engine.learning.start()
      await engine.cluster.start()
      const [problem] = engine.cluster.holdings.problems()
      if (problem !== undefined && engine.cluster.isAlone)
        throw new HalfsecondError('UNAVAILABLE', problem)
      await whileElecting(uses, () => engine.decisive.registry.start())
      await whileElecting(uses, () => engine.recognising.registry.start())
      await engine.erasing.start()
    } catch (error) {
      await engine.stop()
      throw error
    }
    return engine
  }

  private constructor(uses: EngineDependencies, incarnations: readonly number[]) {
    const { id, tokenKeys, store, bus, clock, observer } = uses
    this.uses = uses
    this.id = id
    this.tokenKeys = tokenKeys
    this.signals = uses.signals
    const actors = new Actors(uses.memoryBytes, observer)
    this.actors = actors
    this.appender = new Appender(uses.log, incarnations, () => this.namespaces)
    this.cluster = new Cluster({
      ...uses,
      boot: Buffer.from(uses.random.bytes(8)).toString('hex'),
      actors,
      configured: () => this.recognising.registry.offered,
      incarnations,
      checkpointer: () => this.checkpointer,
      isDiskFailing: () => this.checkpointer.failure !== '',
      playbook: () => this.decisive.registry.told,
      identity: () => this.recognising.registry.told,
      consent: () => this.decisive.registry.consent,
      onBeat: ({ playbook: { newest, hash }, identity }) => {
        this.decisive.registry.heard(newest, hash)
        this.recognising.registry.heard(identity.newest)
      },
      onMap: () => this.mapChanged(),
    })
    const { holdings, members, trimmer } = this.cluster
    this.checkpointer = new Checkpointer(
      holdings.all,
      (shard) => store.shard(shard),
      clock,
      observer,
    )
    const { playbooks, checkpointer } = this
    this.decisive = makePublishing(uses, this.cluster, {
      playbooks,
      onConsent: () => this.consentChanged(),
      read: (request) => this.reads.read(request),
    })
    holdings.onShard = (shard) => {
      this.decisive.registry.hold(shard)
      this.segmenter.hold(shard)
      this.erasing.hold(shard)
    }
    holdings.onChange = () => {
      members.tell()
      void this.decisive.registry.activate()
      void this.recognising.registry.activate()
    }
    this.learning = new Learning(uses, {
      cluster: this.cluster,
      playbooks,
      registry: this.decisive.registry,
      read: (request) => this.read(request),
    })
    this.joined = this.learning.joined
    this.versions = this.learning.versions
    const namespaces = () => this.namespaces
    const shards = holdings.byNumber
    const map = () => this.cluster.map
    const { decider, decisionLog, past, reaches } = makeDeciding(uses, {
      cluster: this.cluster,
      actors,
      playbooks,
      namespaces,
      compiler: this.decisive.compiler,
      model: () => this.learning.model,
      read: (request) => this.read(request),
    })
    this.decider = decider
    this.decisionLog = decisionLog
    this.past = past
    this.segmenter = makeSegments(uses, {
      shards: holdings.all,
      leaders: () => holdings.leaders(),
      playbooks,
      decider: this.decider,
      namespaces,
    })
    bus.serve(subjects.peer(id), (question) => this.decider.answerPeer(question))
    this.reader = new Profiles({ shards, store, checkpointer, clock })
    this.client = connectOver(new LocalTransport(this))
    bus.serve(subjects.decide(id), (frame) => this.answerFrame(frame))
    const read = (request: ReadRequest) => answerOf(request, this)
    this.reads = new RemoteReads({ node: id, shards, map, bus, read })
    this.experiments = new Experiments({
      shards: shards.length,
      profiles: this.reader,
      playbook: () => this.playbooks.at(this.decisive.registry.active?.version ?? 0)?.playbook,
      read: (request) => this.reads.read(request),
      reach: (experiment, control) => reaches.of(experiment, control),
      clock,
    })
    this.recognising = makeIdentity(uses, this.cluster, {
      profiles: this.reader,
      read: (request) => this.reads.read(request),
      client: () => this.client,
      parse: uses.parseIdentity,
    })
    this.erasing = makeErase(uses, this, namespaces)
    this.erasures = this.erasing.erasures
    const { standbys } = uses.place
    this.webhooks = new Webhooks(uses, () => this.cluster.coordinator.isCoordinating)
    this.operations = new Operations({ cluster: this.cluster, node: id, standbys, bus, clock })
    this.control = new ControlDoor({
      store,
      shard: (number) => shards[number],
      clock,
      namespaces,
      read,
      erase: (request) => this.erasing.answer(request),
      stagePlaybook: (hash) => this.decisive.staged.ready(hash),
      rooms: () => trimmer.room,
    })
    bus.serve(subjects.control(id), (request) => this.control.answer(request))
  }

  /** What doors take: as the map says, so that it is what clients take too. */
  get namespaces(): Namespaces {
    const { map } = this.cluster
    return map ? namespacesOf(map) : builtInNamespaces
  }

  get publishing(): Publishing['publisher'] {
    return this.decisive.publisher
  }

  get catalogues(): Publishing['catalogues'] {
    return this.decisive.catalogues
  }

  get identity(): Identity['operations'] {
    return this.recognising.operations
  }

  /** The shards that this node holds now. */
  get shards(): readonly Shard[] {
    return this.cluster.holdings.all
  }

  map(): ShardMap {
    const { map } = this.cluster
    if (map === undefined) throw new HalfsecondError('UNAVAILABLE', 'no shard map yet')
    return clientMapOf(map, this.decisive.registry.consent)
  }

  onMap(listener: (map: ShardMap) => void): void {
    this.mapListeners.add(listener)
  }

  publish(shard: number, batch: Uint8Array): Promise<Position> {
    return this.appender.publish(shard, batch)
  }

  append(shard: number, batch: Uint8Array): Promise<number> {
    return this.appender.append(shard, batch)
  }

  answerFrame(frame: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return this.decider.answerFrame(frame)
  }

  ask(node: string, frame: Uint8Array, timeoutMs: number): Uint8Array | Promise<Uint8Array> {
    if (node === this.id) return this.answerFrame(frame)
    return this.uses.bus.request(subjects.decide(node), frame, timeoutMs)
  }

  health(): Health {
    const { cluster, checkpointer, isLeaving } = this
    const playbooks = this.decisive.registry
    const appendFailure = this.appender.failure
    return healthOf({ cluster, playbooks, checkpointer, appendFailure, isLeaving })
  }

  replicas(): readonly ReplicaView[] {
    return replicaViews(this.shards)
  }

  profile(identifier: FragmentId, newest?: number): Promise<ProfileView | undefined> {
    return this.reader.get(identifier, newest)
  }

  head(identifier: FragmentId): Promise<HeadView | undefined> {
    return Promise.resolve(this.reader.head(identifier))
  }

  profiles(): AsyncIterable<ProfileView> {
    return this.reader.all()
  }

  profilesOf(shard: number): AsyncIterable<ProfileView> {
    return this.reader.ofShard(shard)
  }

  conflictsOf(shard: number): AsyncIterable<ConflictView> {
    return this.reader.conflictsOf(shard)
  }

  recognition(request: IdentityRead): AsyncIterable<object | Pulse> {
    return this.recognising.reads.read(request)
  }

  traitsOf(shard: number, source: string): AsyncIterable<SourceView> {
    return this.reader.traitsOf(shard, source)
  }

  statisticsOf(shard: number): AsyncIterable<object> {
    return this.reader.statisticsOf(shard)
  }

  read(request: ReadRequest): AsyncIterable<Uint8Array> {
    return this.reads.read(request)
  }

  explain(
    identifiers: readonly Identifier[],
    placements?: readonly string[],
  ): Promise<readonly Explanation[]> {
    const all = Object.keys(this.defaults())
    return explainTo(this.decider, this.uses, identifiers, placements ?? all, !placements)
  }

  playbookTrial(request: TrialRead): AsyncIterable<object | Pulse> {
    return this.decisive.trials.run(request)
  }

  publishPlaybook(text: string): Promise<ActivePlaybook> {
    return this.publishing.publish(text, { by: '', isTried: false })
  }

  playbook(): (ActivePlaybook & { readonly text: string }) | undefined {
    return this.decisive.registry.active
  }

  defaults(): { readonly [placement: string]: Value } {
    const playbook = this.playbooks.at(this.decisive.registry.active?.version ?? 0)?.playbook
    return playbook ? defaultsOf(playbook) : {}
  }

  /** Hands its shards over, while it goes on answering. Never rejects, and takes a bounded time. */
  drain(): Promise<void> {
    this.isLeaving = true
    return this.cluster.drain()
  }

  /** Writes what is folded, then stops. The ports are closed by whoever opened them. */
  async stop(): Promise<void> {
    this.decisive.registry.close()
    this.recognising.registry.close()
    this.control.close()
    this.erasing.close()
    await this.webhooks.close()
    await this.learning.close()
    this.decider.close()
    await this.segmenter.close()
    await this.client.close(0)
    await this.cluster.close()
    await this.decisionLog.close()
    await this.checkpointer.close()
    await this.checkpointer.flush()
  }

  private mapChanged(): void {
    this.tellOwnDoors()
    void this.decisive.registry.activate()
    void this.recognising.registry.activate()
  }

  /** Clients elsewhere and this node's own doors learn it with the map. */
  private consentChanged(): void {
    if (this.cluster.map === undefined) return
    this.cluster.keeper.tell()
    this.tellOwnDoors()
  }

  private tellOwnDoors(): void {
    const map = this.map()
    for (const listener of this.mapListeners) listener(map)
  }
}
