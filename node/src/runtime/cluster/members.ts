import { HalfsecondError, subjects, toHalfsecondError } from '@halfsecond/protocol'
import type { Intent, NodeReport, NodeRow, ReplicaReport } from '../../core/cluster/cluster-map.ts'
import type { Bus, Clock, Coordination, Observer, Timer } from '../ports.ts'
import { type Beat, encodeBeat, encodeNodeRows, readBeat, readNodeRows } from './messages.ts'

const rowsKey = 'nodes'

const beatMs = 200

/** Silence that counts as a node's end: five beats. */
export const downMs = 1_000

/** A beat that is so late comes from a process that stood still. */
const standstillMs = 500

/** Every so many beats one carries the replicas too: what a replica lacks is known soon. */
const replicasEvery = 2

/** Own beats that are awaited, or that came back, and how old the last one that came back may be. */
const echoesKept = 100
const echoMaxMs = 600

/** Others may register at the same time. */
const attemptsMax = 50

/** Pauses grow by so much, up to the longest: a write that is still being decided takes an election. */
const pauseStepMs = 5
const pauseMaxMs = 200

/** A node that is silent for so long and not in the map is forgotten. */
const forgetMs = 600_000

export interface MembersDependencies {
  readonly coordination: Coordination
  readonly bus: Bus
  readonly clock: Clock
  readonly observer: Observer
}

/** What a node tells of itself in a beat. */
export type Self = Omit<Beat, 'node' | 'boot' | 'n' | 'loopDelayMs' | 'replicas'> & {
  readonly replicas: ReadonlyMap<number, ReplicaReport>
}

interface Heard {
  readonly beat: Beat
  readonly replicas: ReadonlyMap<number, ReplicaReport>
  readonly at: number
}

interface Echo {
  readonly sentAt: number
  readonly cameAt: number
}

/** The nodes of the cluster: who registered, and what was last heard of each. */
export class Members {
  /** Called with what every beat of another node says. */
  onBeat: (beat: Beat) => void = () => {}
  /** Called when this node stood still: what it is told now may have been said long ago. */
  onStandstill: () => void = () => {}
  readonly own: NodeRow
  private readonly uses: MembersDependencies
  private readonly describe: () => Self
  private readonly heard = new Map<string, Heard>()
  private known: readonly NodeRow[] = []
  /** Of what is known, at least. */
  private revision = 0
  private beats = 0
  private told = ''
  private timer: Timer | undefined
  /** How late the last beat was: so late is the event loop. */
  private lateMs = 0
  private isClosed = false
  private sent = 0
  /** When the last beats of this node were sent, by their number. */
  private readonly sentAt = new Map<number, number>()
  /** The last ones that came back, in the order in which they did. */
  private readonly echoes: Echo[] = []

  /** @param own this node's row, with the boot of this life */
  constructor(own: NodeRow, describe: () => Self, uses: MembersDependencies) {
    this.own = own
    this.describe = describe
    this.uses = uses
    uses.bus.listen(subjects.beats, (bytes) => this.hear(bytes))
  }

  /** Registers this node, then beats. Rejects where the coordination cannot be reached. */
  async start(): Promise<void> {
    await this.change((rows) => [...rows.filter(({ id }) => id !== this.own.id), this.own])
    this.beat()
    this.schedule()
  }

  /** How late this node's event loop was at its last beat. */
  get loopDelayMs(): number {
    return this.lateMs
  }

  /** Rows as they were last read, sorted by id. */
  get rows(): readonly NodeRow[] {
    return this.known
  }

  /**
   * Whether what comes in is of now. Messages keep their order, and this node hears its own beats
   * too: while those that come back are old ones, so is everything that the log says.
   */
  get isTimely(): boolean {
    const last = this.echoes.at(-1)?.sentAt ?? Number.NEGATIVE_INFINITY
    return this.uses.clock.monotonic() - last <= echoMaxMs
  }

  /**
   * Since when at the earliest what was read from the connection at a time may have been waiting in
   * it. The connection keeps the order, and the server put our echo into it after we had sent that
   * beat: so what is read behind the echo was put there later than the beat was sent. Both times
   * are of this node's clock. It says nothing of the way to our server.
   */
  toldSince(heardAt: number): number {
    // What was read in the same instant may have been read before.
    return (
      this.echoes.findLast(({ cameAt }) => cameAt < heardAt)?.sentAt ?? Number.NEGATIVE_INFINITY
    )
  }

  /** How long a node has been silent; 0 for one that was never heard, as nothing is known of it. */
  silentMs(node: string): number {
    const heard = this.heard.get(node)
    return heard === undefined ? 0 : this.uses.clock.monotonic() - heard.at
  }

  /** By node; this one included. */
  reports(): ReadonlyMap<string, NodeReport> {
    const now = this.uses.clock.monotonic()
    const reports = new Map<string, NodeReport>()
    for (const [node, { beat, replicas, at }] of this.heard)
      reports.set(node, { boot: beat.boot, silentMs: now - at, replicas })
    reports.set(this.own.id, {
      boot: this.own.boot,
      silentMs: 0,
      replicas: this.describe().replicas,
    })
    return reports
  }

  /** The last beat of every other node. */
  get lastBeats(): readonly Beat[] {
    return Array.from(this.heard.values(), ({ beat }) => beat)
  }

  /** The oldest playbook that a shard of any other living node decides by. */
  oldestPlaybook(): number {
    const now = this.uses.clock.monotonic()
    let oldest = Number.POSITIVE_INFINITY
    for (const { beat, at } of this.heard.values())
      if (now - at < downMs) oldest = Math.min(oldest, beat.playbook.active)
    return oldest
  }

  /** The same of identity configurations. */
  oldestIdentity(): number {
    const now = this.uses.clock.monotonic()
    let oldest = Number.POSITIVE_INFINITY
    for (const { beat, at } of this.heard.values())
      if (now - at < downMs) oldest = Math.min(oldest, beat.identity.active)
    return oldest
  }

  async refresh(): Promise<void> {
    const revised = await this.uses.coordination.get(rowsKey)
    // A server that lags answers with rows that lack nodes which serve.
    if (revised === undefined || revised.revision < this.revision) return
    this.known = sorted(readNodeRows(revised.value))
    this.revision = revised.revision
  }

  /** Changes what an operator wants of a node. Rejects with `INVALID` for a node that is not there. */
  async intend(id: string, intent: Intent): Promise<void> {
    await this.change((rows) => {
      if (!rows.some((row) => row.id === id))
        throw new HalfsecondError('INVALID', `no node "${id}"; see halfsecond node ls`)
      return rows.map((row) => (row.id === id ? { ...row, intent } : row))
    })
  }

  /** Takes rows out: of nodes that are gone for good. */
  async forget(ids: ReadonlySet<string>): Promise<void> {
    await this.change((rows) => rows.filter(({ id }) => !ids.has(id)))
  }

  /** Nodes whose rows nobody needs any more: decommissioned and empty, or silent for long. */
  forgettable(inMap: ReadonlySet<string>): ReadonlySet<string> {
    const now = this.uses.clock.monotonic()
    return new Set(
      this.known
        .filter(({ id }) => id !== this.own.id && !inMap.has(id))
        .filter(({ id, intent }) => {
          const at = this.heard.get(id)?.at
          const isSilent = at === undefined || now - at > beatMs * 10
          return (
            isSilent && (intent === 'decommission' || (at !== undefined && now - at > forgetMs))
          )
        })
        .map(({ id }) => id),
    )
  }

  /** Beats now, with the replicas: something changed that others wait for. */
  tell(): void {
    this.beats = 0
    this.beat()
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  private schedule(): void {
    if (this.isClosed) return
    const due = this.uses.clock.monotonic() + beatMs
    this.timer = this.uses.clock.after(beatMs, () => {
      this.lateMs = Math.max(0, this.uses.clock.monotonic() - due)
      if (this.lateMs > standstillMs) this.onStandstill()
      this.beat()
      this.schedule()
    })
  }

  private beat(): void {
    if (this.isClosed) return
    const { replicas, ...self } = this.describe()
    const statuses = Array.from(replicas, ([shard, { status, epoch }]) => [
      shard,
      status,
      epoch,
    ]).join()
    const isDue = this.beats++ % replicasEvery === 0 || statuses !== this.told
    this.told = statuses
    const { id: node, boot } = this.own
    const n = ++this.sent
    this.sentAt.set(n, this.uses.clock.monotonic())
    this.sentAt.delete(n - echoesKept)
    const beat = {
      ...self,
      node,
      boot,
      n,
      loopDelayMs: this.lateMs,
      replicas: isDue ? replicas : undefined,
    }
    this.uses.bus.publish(subjects.beat(node), encodeBeat(beat))
  }

  private hear(bytes: Uint8Array): void {
    const beat = readBeat(bytes)
    if (beat === undefined || this.isClosed) return
    if (beat.node === this.own.id) {
      if (beat.boot === this.own.boot) this.echoed(beat.n)
      return
    }
    const before = this.heard.get(beat.node)
    const kept = before?.beat.boot === beat.boot ? before.replicas : undefined
    const replicas = beat.replicas ?? kept ?? new Map()
    this.heard.set(beat.node, { beat, replicas, at: this.uses.clock.monotonic() })
    this.onBeat(beat)
  }

  private echoed(n: number): void {
    const sentAt = this.sentAt.get(n)
    if (sentAt === undefined) return
    this.echoes.push({ sentAt, cameAt: this.uses.clock.monotonic() })
    if (this.echoes.length > echoesKept) this.echoes.shift()
  }

  private async change(next: (rows: readonly NodeRow[]) => readonly NodeRow[]): Promise<void> {
    const { coordination, observer, clock } = this.uses
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const pauseMs = Math.min(pauseMaxMs, attempt * pauseStepMs)
      if (attempt > 0) await new Promise<void>((resolve) => clock.after(pauseMs, resolve))
      const revised = await coordination.get(rowsKey)
      const rows = sorted(next(revised ? readNodeRows(revised.value) : []))
      const revision = revised?.revision ?? 0
      if (await coordination.compareAndSet(rowsKey, encodeNodeRows(rows), revision)) {
        this.known = rows
        this.revision = revision + 1
        return
      }
    }
    const lost = new HalfsecondError('UNAVAILABLE', 'other nodes register all the time: try again')
    observer.failed('register', toHalfsecondError(lost, 'UNAVAILABLE', 'cannot register'))
    throw lost
  }
}

function sorted(rows: readonly NodeRow[]): readonly NodeRow[] {
  return [...rows].sort((a, b) => (a.id < b.id ? -1 : 1))
}
