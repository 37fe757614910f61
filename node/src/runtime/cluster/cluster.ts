import { type ConsentMode, type Namespace, toHalfsecondError } from '@halfsecond/protocol'
import type { ClusterMap, Intent, NodeRow } from '../../core/cluster/cluster-map.ts'
import { foldVersion } from '../../core/shard/shard-state.ts'
import type { Bus, Clock, Coordination, Log, Observer, Timer } from '../ports.ts'
import { whileElecting } from '../while-electing.ts'
import { Coordinator } from './coordinator.ts'
import { Holdings, type HoldingsDependencies } from './holdings.ts'
import { MapKeeper } from './map-keeper.ts'
import { downMs, Members, type Self } from './members.ts'
import type { Beat } from './messages.ts'
import { Trimmer } from './trimmer.ts'

/** How long a node that stops waits for others to take its shards over. */
const drainMs = 10_000

const drainLookMs = 50

/** How often the primary looks whether newer rules of folding are known to all replicas. */
const raiseMs = 2_000

/** Where this node is, and its share. */
export interface Place {
  readonly host: string
  readonly zone: string
  readonly weight: number
  /** Replicas of a shard besides its primary. */
  readonly standbys: number
}

export interface ClusterDependencies
  extends Omit<
    HoldingsDependencies,
    'reports' | 'isTimely' | 'toldSince' | 'node' | 'boot' | 'isDiskFailing'
  > {
  readonly id: string
  readonly boot: string
  readonly place: Place
  readonly log: Log
  readonly bus: Bus
  readonly coordination: Coordination
  readonly clock: Clock
  readonly observer: Observer
  /** Namespaces that clients may use besides the built-in ones; undefined while that is not known. */
  readonly configured: () => readonly Namespace[] | undefined
  readonly incarnations: readonly number[]
  readonly isDiskFailing: () => boolean
  readonly playbook: () => Self['playbook']
  readonly identity: () => Self['identity']
  /** What the newest playbook asks of clients. */
  readonly consent: () => ConsentMode | undefined
  readonly onBeat: (beat: Beat) => void
  /** Told of every newer map, when this node's shards were assigned. */
  readonly onMap: (map: ClusterMap) => void
}

/** This node's part in the cluster: it registers, follows the map, holds its shards, and may coordinate. */
export class Cluster {
  readonly members: Members
  readonly keeper: MapKeeper
  readonly holdings: Holdings
  readonly coordinator: Coordinator
  readonly trimmer: Trimmer
  private readonly uses: ClusterDependencies
  private readonly waiting: (() => void)[] = []
  private timer: Timer | undefined
  private isClosed = false

  constructor(uses: ClusterDependencies) {
    const { id, boot, place, clock, configured } = uses
    this.uses = uses
    this.keeper = new MapKeeper(uses)
    const { host, zone, weight, standbys } = place
    const own: NodeRow = { id, boot, host, zone, weight, intent: 'serve', foldVersion }
    this.members = new Members(own, () => this.describe(), uses)
    const reports = () => this.members.reports()
    const isTimely = () => this.members.isTimely
    const toldSince = (heardAt: number) => this.members.toldSince(heardAt)
    this.holdings = new Holdings({ ...uses, node: id, reports, isTimely, toldSince })
    this.coordinator = new Coordinator({
      ...uses,
      members: this.members,
      keeper: this.keeper,
      namespaces: configured,
      standbys,
      isConnected: () => this.isConnected(),
    })
    const map = () => this.keeper.current
    const leads = (shard: number) => this.holdings.leads(shard)
    this.trimmer = new Trimmer({ ...uses, clock, map, reports, leads })
    this.members.onBeat = (beat) => this.heard(beat)
    this.members.onStandstill = () => {
      for (const shard of this.holdings.all) shard.distrust()
    }
    this.holdings.onChange = () => this.members.tell()
  }

  get map(): ClusterMap | undefined {
    return this.keeper.current
  }

  /**
   * Joins: resolves once there is a map and the shards that it gives to this node are served, new
   * ones by all the rules that are known.
   */
  async start(): Promise<void> {
    // Beats of others bring a map before that: until the node is ready to answer, nothing is held by it.
    this.keeper.onMap = (newer) => this.follow(newer)
    if (this.map !== undefined) this.follow(this.map)
    await this.keeper.refresh()
    await whileElecting(this.uses, () => this.members.start())
    await this.coordinator.start()
    if (this.map === undefined) await new Promise<void>((resolve) => this.waiting.push(resolve))
    await this.holdings.settled()
    this.members.tell()
    await this.raiseFolds()
    this.schedule()
  }

  intend(id: string, intent: Intent): Promise<void> {
    return this.members.intend(id, intent)
  }

  /** Whether no other node is registered. */
  get isAlone(): boolean {
    return this.members.rows.every(({ id }) => id === this.uses.id)
  }

  /** Whether others can take over what this node leads. */
  get hasOthers(): boolean {
    return this.livingOthers().length > 0
  }

  /** The other nodes that were heard within the last second. */
  livingOthers(): readonly string[] {
    return Array.from(this.members.reports()).flatMap(([id, { silentMs }]) =>
      id !== this.uses.id && silentMs < downMs ? [id] : [],
    )
  }

  /** Whether one of the others takes shards. */
  private get hasTakers(): boolean {
    const { members, uses } = this
    const reports = members.reports()
    return members.rows.some(
      ({ id, intent }) =>
        id !== uses.id && intent === 'serve' && (reports.get(id)?.silentMs ?? downMs) < downMs,
    )
  }

  /** Hands over all shards that this node leads, as far as others can take them, within a bounded time. */
  async drain(): Promise<void> {
    const { clock, id, observer } = this.uses
    if (!this.hasOthers || this.holdings.led().length === 0) return
    try {
      await this.members.intend(id, 'drain')
    } catch (error) {
      observer.noted('warn', `leaves without handing over: ${String(error)}`)
      return
    }
    const end = clock.monotonic() + drainMs
    const leads = () => this.map?.shards.some(({ primary }) => primary === id) === true
    while (clock.monotonic() < end && this.hasTakers && leads())
      await new Promise<void>((resolve) => clock.after(drainLookMs, resolve))
  }

  /** Leaves at once. The shards are closed; their rows stay. */
  async close(): Promise<void> {
    this.isClosed = true
    this.timer?.cancel()
    this.trimmer.close()
    await this.coordinator.resign()
    this.members.close()
    this.keeper.close()
    await this.holdings.close()
  }

  private schedule(): void {
    if (this.isClosed) return
    this.timer = this.uses.clock.after(raiseMs, () => {
      void this.raiseFolds().then(() => this.schedule())
    })
  }

  /**
   * Lets the shards that this node leads be folded by what all nodes know, not only those that hold
   * them now: so until the last node is upgraded any of them may go back, and may be given any shard.
   */
  private async raiseFolds(): Promise<void> {
    const behind = this.holdings.leaders().filter((primary) => primary.foldVersion < foldVersion)
    if (behind.length === 0) return
    const untold = (error: unknown) => {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', 'no barrier')
      this.uses.observer.failed('barrier', failure)
    }
    try {
      await this.members.refresh()
    } catch (error) {
      return untold(error)
    }
    const known = Math.min(foldVersion, ...this.members.rows.map((row) => row.foldVersion))
    for (const primary of behind) await primary.raiseFold(known).catch(untold)
  }

  private describe(): Self {
    return {
      epoch: this.map?.epoch ?? 0,
      playbook: this.uses.playbook(),
      identity: this.uses.identity(),
      replicas: this.holdings.reports(),
    }
  }

  private follow(map: ClusterMap): void {
    this.holdings.assign(map)
    this.uses.onMap(map)
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  private heard(beat: Beat): void {
    this.keeper.heard(beat.epoch)
    if (beat.replicas) this.holdings.compare(beat.node, beat.replicas)
    this.uses.onBeat(beat)
  }

  /** A node whose log is silent must not think that all others are. */
  private isConnected(): boolean {
    const { all } = this.holdings
    return all.length === 0 || all.some(({ isFresh }) => isFresh)
  }
}
