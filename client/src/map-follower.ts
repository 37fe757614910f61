import {
  builtInNamespaces,
  type ConsentMode,
  HalfsecondError,
  type Identifier,
  type Namespaces,
  namespacesOf,
  type ShardEntry,
  type ShardMap,
  shardOf,
  toHalfsecondError,
} from '@halfsecond/protocol'
import type { Transport } from './transport.ts'

const retryMs = 250

/**
 * While nodes say that the map is old, it is fetched no more often: until a lost primary is replaced,
 * every question would fetch the same one.
 */
const refreshMs = 50

/** Keeps the newest shard map that anybody told. */
export class MapFollower {
  namespaces: Namespaces = builtInNamespaces
  private readonly transport: Transport
  private readonly onProblem: (problem: HalfsecondError) => void
  private map: ShardMap | undefined
  private fetching: Promise<void> | undefined
  private readonly waiting = new Set<() => void>()
  private retry: NodeJS.Timeout | undefined
  private playbook = 0
  private refreshedAt = Number.NEGATIVE_INFINITY
  private isClosed = false

  constructor(transport: Transport, onProblem: (problem: HalfsecondError) => void) {
    this.transport = transport
    this.onProblem = onProblem
    transport.onMap((map) => this.use(map))
    void this.fetch()
  }

  get isKnown(): boolean {
    return this.map !== undefined
  }

  /** Runs now, or in order as soon as a map is known. */
  whenKnown(run: () => void): void {
    if (this.map) run()
    else this.waiting.add(run)
  }

  /** Whether a map is known, or became so within this time. */
  knownWithin(ms: number): Promise<boolean> {
    if (this.map) return Promise.resolve(true)
    if (this.isClosed) return Promise.resolve(false)
    return new Promise((resolve) => {
      const known = () => {
        clearTimeout(timer)
        this.waiting.delete(known)
        resolve(this.map !== undefined)
      }
      const timer = setTimeout(known, ms)
      this.waiting.add(known)
    })
  }

  /** The home shard of a key. Only once a map is known. */
  shardOf(key: Identifier): number {
    if (this.map === undefined) throw new HalfsecondError('UNAVAILABLE', 'no shard map yet')
    return shardOf(key, this.map.shards.length)
  }

  /** The replicas of a shard, or undefined while no map is known. */
  entryOf(shard: number): ShardEntry | undefined {
    return this.map?.shards[shard]
  }

  incarnationOf(shard: number): number {
    return this.map?.shards[shard]?.incarnation ?? 0
  }

  /** What the active playbook asks; undefined while that is not known. */
  get consent(): ConsentMode | undefined {
    return this.map?.consent
  }

  /** A node decides by this playbook: a newer one may ask something else, where nothing is broadcast. */
  heardPlaybook(version: number): void {
    if (version <= this.playbook) return
    this.playbook = version
    this.heard(0)
  }

  /** A node knows this epoch, or, if 0, did not hold what the map says it does. */
  heard(epoch: number): void {
    if (this.isClosed) return
    if (epoch !== 0 && epoch <= (this.map?.epoch ?? 0)) return
    const now = performance.now()
    if (now < this.refreshedAt + refreshMs) return
    this.refreshedAt = now
    void this.fetch()
  }

  /** Resolves when a map is known; rejects with `UNAVAILABLE` after `timeoutMs`. */
  async ready(timeoutMs: number): Promise<void> {
    if (await this.knownWithin(timeoutMs)) return
    if (this.isClosed) throw new HalfsecondError('CLOSED', 'the client is closed')
    throw new HalfsecondError(
      'UNAVAILABLE',
      `no node answered within ${timeoutMs} ms: is the cluster up, and is the address right?`,
    )
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.retry)
    this.runWaiting()
  }

  /** At most one fetch is under way. Never rejects. */
  private fetch(): Promise<void> {
    this.fetching ??= this.transport
      .map()
      .then(
        (map) => this.use(map),
        (error: unknown) => this.failed(error),
      )
      .finally(() => {
        this.fetching = undefined
      })
    return this.fetching
  }

  private failed(error: unknown): void {
    if (this.map !== undefined || this.isClosed) return
    this.onProblem(toHalfsecondError(error, 'UNAVAILABLE', 'no shard map'))
    this.retry = setTimeout(() => void this.fetch(), retryMs)
  }

  private use(map: ShardMap): void {
    if (this.map && map.epoch < this.map.epoch) return
    this.map = map
    this.namespaces = namespacesOf(map)
    this.runWaiting()
  }

  private runWaiting(): void {
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const run of waiting) run()
  }
}
