import type { ClusterMap, NodeReport, ReplicaReport } from '../../core/cluster/cluster-map.ts'
import type { Primary } from '../shards/primary.ts'
import type { Shard } from '../shards/shard.ts'
import { Holding, type HoldingDependencies } from './holding.ts'

export interface HoldingsDependencies
  extends Omit<HoldingDependencies, 'onShard' | 'donors' | 'onChange'> {
  readonly reports: () => ReadonlyMap<string, NodeReport>
  /** Whether the store takes nothing now: then every replica here is out of service. */
  readonly isDiskFailing: () => boolean
}

/** The shards that the map gives to this node. */
export class Holdings {
  /** By number; undefined for those that other nodes hold. */
  readonly byNumber: (Shard | undefined)[]
  /** Those that are held now. */
  readonly all: Shard[] = []
  /** Called for every shard that comes to be held. */
  onShard: (shard: Shard) => void = () => {}
  /** Called when others should know at once. */
  onChange: () => void = () => {}
  private readonly uses: HoldingsDependencies
  private readonly holdings = new Map<number, Holding>()
  private readonly leaving = new Map<number, Promise<void>>()
  private map: ClusterMap | undefined

  constructor(uses: HoldingsDependencies) {
    this.uses = uses
    this.byNumber = Array.from({ length: uses.log.shards }, () => undefined)
  }

  /** Opens, leads, stands by and drops, as a newer map says. */
  assign(map: ClusterMap): void {
    this.map = map
    for (const [number, entry] of map.shards.entries()) {
      const { primary, standbys, warming } = entry
      const isHere = [primary, ...standbys, ...warming].includes(this.uses.node)
      const holding = this.holdings.get(number)
      if (isHere && holding) holding.assign(entry)
      else if (isHere) this.hold(number)
      else if (holding) this.drop(number, holding)
    }
  }

  /** Every replica here, by shard. */
  reports(): ReadonlyMap<number, ReplicaReport> {
    const isFailing = this.uses.isDiskFailing()
    const reports = new Map<number, ReplicaReport>()
    for (const [number, holding] of this.holdings) reports.set(number, holding.report(isFailing))
    return reports
  }

  /** The primaries of the shards that this node leads now. */
  leaders(): readonly Primary[] {
    return Array.from(this.holdings.values(), ({ leader }) => leader).filter(isThere)
  }

  /** The primary of a shard, if this node leads it now. */
  leaderOf(number: number): Primary | undefined {
    return this.holdings.get(number)?.leader
  }

  /** The shards that this node leads now. */
  led(): readonly Shard[] {
    return Array.from(this.holdings.values())
      .map(({ isLeading, shard }) => (isLeading ? shard : undefined))
      .filter(isThere)
  }

  leads(number: number): boolean {
    return this.holdings.get(number)?.isLeading === true
  }

  problems(): readonly string[] {
    return Array.from(this.holdings.values())
      .map(({ problem, shard }) => shard?.stopped || problem)
      .filter((problem) => problem !== '')
  }

  get count(): number {
    return this.holdings.size
  }

  /** Resolves when every shard that is assigned now follows and is led as the map says, or has stopped. */
  async settled(): Promise<void> {
    await Promise.all(Array.from(this.holdings.values(), (one) => one.settled()))
  }

  /** Compares positions and digests with what another node told. */
  compare(node: string, replicas: ReadonlyMap<number, ReplicaReport>): void {
    for (const [number, { status, applied, digestAt, digest }] of replicas) {
      const shard = this.byNumber[number]
      if (status === 'hot') shard?.elsewhere(applied)
      const own = shard?.digestAt(digestAt)
      if (shard && own !== undefined && own !== digest) this.disagree(shard, digestAt, own, node)
    }
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.holdings.values(), (one) => one.close()))
    await Promise.all(this.leaving.values())
  }

  /** The majority of those that told a digest of this position is right; of two, nobody knows who. */
  private disagree(shard: Shard, at: number, own: string, node: string): void {
    const votes = new Map<string, number>([[own, 1]])
    for (const [id, { replicas }] of this.uses.reports()) {
      const told = replicas.get(shard.number)
      if (id === this.uses.node || told?.digestAt !== at) continue
      votes.set(told.digest, (votes.get(told.digest) ?? 0) + 1)
    }
    const ours = votes.get(own) ?? 1
    const most = Math.max(...votes.values())
    const what = `shard ${shard.number} folded the log up to ${at} to other facts than on ${node}`
    if (ours < most) shard.diverged(`${what}: most replicas agree against this one`)
    else if (!shard.isSuspect) {
      shard.isSuspect = true
      this.uses.observer.noted('error', `${what}; which one is right is not known`, {
        shard: shard.number,
      })
    }
  }

  private hold(number: number): void {
    const leaving = this.leaving.get(number)
    if (leaving !== undefined) {
      // Its rows are being removed; the map may have changed again until that is done.
      void leaving.then(() => this.map && this.assign(this.map))
      return
    }
    const entry = this.map?.shards[number]
    if (entry === undefined) return
    const holding = new Holding(number, entry, {
      ...this.uses,
      donors: (shard) => this.donors(shard),
      onShard: (at, shard) => this.placed(at, shard),
      onChange: () => this.onChange(),
    })
    this.holdings.set(number, holding)
  }

  private drop(number: number, holding: Holding): void {
    this.holdings.delete(number)
    const left = holding.drop().finally(() => this.leaving.delete(number))
    this.leaving.set(number, left)
  }

  /** Standbys first: the primary has enough to do. */
  private donors(number: number): readonly string[] {
    const entry = this.map?.shards[number]
    if (entry === undefined) return []
    const reports = this.uses.reports()
    return [...entry.standbys, entry.primary].filter(
      (node) =>
        node !== this.uses.node && reports.get(node)?.replicas.get(number)?.status === 'hot',
    )
  }

  private placed(number: number, shard: Shard | undefined): void {
    const before = this.byNumber[number]
    if (before) this.all.splice(this.all.indexOf(before), 1)
    this.byNumber[number] = shard
    if (shard === undefined) return
    this.all.push(shard)
    this.onShard(shard)
  }
}

function isThere<T>(one: T | undefined): one is T {
  return one !== undefined
}
