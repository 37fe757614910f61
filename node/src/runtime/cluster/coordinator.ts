import { decode, encode, isFields, type Namespace, toHalfsecondError } from '@halfsecond/protocol'
import type { ClusterMap } from '../../core/cluster/cluster-map.ts'
import { initialMap, type Move, type NextMapInput, nextMap } from '../../core/cluster/next-map.ts'
import type { Clock, Coordination, Observer, Revised, Timer } from '../ports.ts'
import type { MapKeeper } from './map-keeper.ts'
import { downMs, type Members } from './members.ts'
import { encodeLease, type Lease, readLease } from './messages.ts'

const leaseKey = 'lease'
const wishesKey = 'rebalance'

/** How often the coordinator looks whether the map should change. */
const lookMs = 100

/** How often the lease is renewed, or looked at by whoever does not hold it. */
const leaseMs = 500

/** Without a renewal for so long its holder no longer acts. */
const leaseEndsMs = 1_500

/** A lease that does not change for so long, on one's own clock, is free. */
const leaseFreeMs = 2_000

/** The same where its holder's beats are missing too: one renewal was missed. */
const leaseMissedMs = 700

/** After a look that came so late this node was the one that stood still: it accuses nobody. */
const lateMs = 200

/** … until the beats that waited meanwhile, and two more, were heard. */
const doubtMs = 500

/** Replicas of a node that does not come back are made elsewhere after this time. */
const replaceMs = 300_000

/** Copies that one node makes at a time. */
const warmingsPerNode = 2

/** What operators asked for: moves, and whether the cluster may rebalance by itself. */
export interface Wishes {
  readonly isPaused: boolean
  readonly moves: readonly Move[]
}

export interface CoordinatorDependencies {
  readonly members: Members
  readonly keeper: MapKeeper
  readonly coordination: Coordination
  readonly clock: Clock
  readonly observer: Observer
  readonly incarnations: readonly number[]
  /** What the map is to say of namespaces; undefined: what it says. */
  readonly namespaces: () => readonly Namespace[] | undefined
  /** Replicas of a shard besides its primary. */
  readonly standbys: number
  /** Whether this node is connected to the log: else all others would seem silent. */
  readonly isConnected: () => boolean
  /** Shortens the wait for a dead node's standbys in tests. */
  readonly replaceMs?: number
}

/**
 * One of the nodes, whichever holds the lease, changes the map; all others only follow it. Nothing
 * rests on there being one at a time: maps are made by compare-and-set, and what a primary does is
 * fenced by the log.
 *
 *   waiting ──lease free──► coordinating ──1.5 s without renewal, or lost──► waiting
 */
export class Coordinator {
  private readonly uses: CoordinatorDependencies
  private lease: { readonly value: Lease | undefined; readonly revision: number } | undefined
  /** When the lease was last seen to change, and when it was last renewed by this node. */
  private changedAt = Number.NEGATIVE_INFINITY
  private renewedAt = Number.NEGATIVE_INFINITY
  private lookedAtLease = Number.NEGATIVE_INFINITY
  private refreshedAt = Number.NEGATIVE_INFINITY
  private lookedAt = Number.NaN
  /** When something last spoke against this node's judgement of others. */
  private doubtAt: number
  private readonly startedAt: number
  private map: { readonly map: ClusterMap | undefined; readonly revision: number } | undefined
  private wanted: Wishes = { isPaused: false, moves: [] }
  private timer: Timer | undefined
  private isClosed = false
  private failing = false

  constructor(uses: CoordinatorDependencies) {
    this.uses = uses
    this.startedAt = uses.clock.monotonic()
    this.doubtAt = this.startedAt
  }

  get isCoordinating(): boolean {
    const sinceRenewal = this.uses.clock.monotonic() - this.renewedAt
    return !this.isClosed && sinceRenewal < leaseEndsMs
  }

  /** Begins; the first look is over when it resolves. */
  async start(): Promise<void> {
    await this.look()
  }

  async wishes(): Promise<Wishes> {
    return readWishes(await this.uses.coordination.get(wishesKey))
  }

  /** Changes what operators asked for. Rejects with `UNAVAILABLE`. */
  async wish(change: (wishes: Wishes) => Wishes): Promise<void> {
    for (;;) {
      const revised = await this.uses.coordination.get(wishesKey)
      const value = encode(change(readWishes(revised)))
      if (await this.uses.coordination.compareAndSet(wishesKey, value, revised?.revision ?? 0))
        return
    }
  }

  /** The node that changes the map, as far as is known here. */
  get holder(): string | undefined {
    if (this.isCoordinating) return this.uses.members.own.id
    const isSilent = this.uses.clock.monotonic() - this.changedAt > leaseFreeMs
    return isSilent ? undefined : this.lease?.value?.node || undefined
  }

  /** What the steps begin with that would follow these wishes. */
  planFrom(wishes: Wishes): NextMapInput | undefined {
    const map = this.uses.keeper.current
    return map && { ...this.input(map), ...wishes }
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  /** Gives the lease to the next one at once. */
  async resign(): Promise<void> {
    const isHeld = this.isCoordinating
    this.close()
    if (!isHeld || this.lease === undefined) return
    const free = encodeLease({ node: '', boot: '', n: 0 })
    await this.uses.coordination
      .compareAndSet(leaseKey, free, this.lease.revision)
      .catch(() => undefined)
  }

  private async look(): Promise<void> {
    if (this.isClosed) return
    const { clock } = this.uses
    const now = clock.monotonic()
    if (now - this.lookedAt > lookMs + lateMs || !this.uses.isConnected()) this.doubtAt = now
    try {
      await this.keepLease()
      if (this.isCoordinating) await this.conduct()
      this.failing = false
    } catch (error) {
      this.map = undefined
      if (!this.failing) {
        const failure = toHalfsecondError(error, 'UNAVAILABLE', 'the coordination does not answer')
        this.uses.observer.failed('coordination', failure)
      }
      this.failing = true
    }
    if (this.isClosed) return
    this.lookedAt = clock.monotonic()
    this.timer = clock.after(lookMs, () => void this.look())
  }

  private async keepLease(): Promise<void> {
    const { clock, coordination, members } = this.uses
    const now = clock.monotonic()
    if (!coordination.isShared) this.renewedAt = now
    const everyMs = this.isHolderSilent ? lookMs : leaseMs
    if (!coordination.isShared || now - this.lookedAtLease < everyMs) return
    this.lookedAtLease = now
    const isHeld = this.isCoordinating
    if (!isHeld) await this.readLease()
    const { value, revision } = this.lease ?? { value: undefined, revision: 0 }
    if (!isHeld && !this.isFree(value)) return
    const next = { node: members.own.id, boot: members.own.boot, n: (value?.n ?? 0) + 1 }
    if (await coordination.compareAndSet(leaseKey, encodeLease(next), revision)) {
      if (!isHeld) this.map = undefined
      this.renewedAt = now
      // The revision is known only after a look; a renewal needs it.
      const renewed = await coordination.get(leaseKey)
      if (renewed) this.lease = { value: next, revision: renewed.revision }
    } else {
      this.renewedAt = Number.NEGATIVE_INFINITY
      this.lease = undefined
    }
  }

  private async readLease(): Promise<void> {
    const { clock, coordination } = this.uses
    const revised = await coordination.get(leaseKey)
    const revision = revised?.revision ?? 0
    if (this.lease?.revision !== revision) this.changedAt = clock.monotonic()
    this.lease = { value: revised && readLease(revised.value), revision }
  }

  private isFree(lease: Lease | undefined): boolean {
    const { clock, members } = this.uses
    if (lease === undefined || lease.node === '') return true
    const isFormerLife = lease.node === members.own.id && lease.boot !== members.own.boot
    const unchangedMs = clock.monotonic() - this.changedAt
    return isFormerLife || unchangedMs > (this.isHolderSilent ? leaseMissedMs : leaseFreeMs)
  }

  /** Whether the one who holds the lease does not beat either: then nobody needs to wait for long. */
  private get isHolderSilent(): boolean {
    const holder = this.lease?.value?.node
    if (holder === undefined || this.isCoordinating || this.isInDoubt) return false
    return this.uses.members.silentMs(holder) > downMs
  }

  /** Whether this node may have been the one that stood still, or was cut off. */
  private get isInDoubt(): boolean {
    return this.uses.clock.monotonic() - this.doubtAt <= doubtMs
  }

  private async conduct(): Promise<void> {
    const { clock, keeper, members, incarnations, standbys } = this.uses
    const now = clock.monotonic()
    if (now - this.refreshedAt >= leaseMs) {
      this.refreshedAt = now
      await members.refresh()
      this.wanted = await this.wishes()
    }
    if (this.map === undefined) {
      const revised = await keeper.read()
      await keeper.refresh()
      this.map = { map: keeper.current, revision: revised?.revision ?? 0 }
    }
    const { map, revision } = this.map
    const next =
      map === undefined
        ? initialMap(members.rows, incarnations, this.uses.namespaces() ?? [], standbys)
        : nextMap(this.input(map))
    if (next === undefined) {
      if (map) await this.forget(map)
      return
    }
    this.map = undefined
    if (!this.isCoordinating) return
    await keeper.propose(next, revision)
  }

  private input(map: ClusterMap): NextMapInput {
    const { members, incarnations, standbys, clock } = this.uses
    const { isPaused, moves } = this.wanted
    const timing = { downMs, replaceMs: this.uses.replaceMs ?? replaceMs, warmingsPerNode }
    const canAccuse = !this.isInDoubt
    const reports = members.reports()
    const listeningMs = clock.monotonic() - this.startedAt
    return {
      map,
      rows: members.rows,
      reports,
      listeningMs,
      incarnations,
      standbys,
      timing,
      canAccuse,
      isPaused,
      moves,
      namespaces: this.uses.namespaces(),
    }
  }

  private async forget(map: ClusterMap): Promise<void> {
    const held = map.shards.flatMap(({ primary, standbys, warming }) => [
      primary,
      ...standbys,
      ...warming,
    ])
    const gone = this.uses.members.forgettable(new Set(held))
    if (gone.size > 0) await this.uses.members.forget(gone)
  }
}

function readWishes(revised: Revised | undefined): Wishes {
  const value = revised && decode(revised.value)
  if (!isFields(value) || !Array.isArray(value.moves)) return { isPaused: false, moves: [] }
  return { isPaused: value.isPaused === true, moves: value.moves.filter(isMove) }
}

function isMove(value: unknown): value is Move {
  return isFields(value) && typeof value.shard === 'number' && typeof value.to === 'string'
}
