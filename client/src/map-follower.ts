import {
  builtInNamespaces,
  HalfsecondError,
  type Identifier,
  type Namespaces,
  namespacesOf,
  type ShardMap,
  shardOf,
  toHalfsecondError,
} from '@halfsecond/protocol'
import type { Transport } from './transport.ts'

const retryMs = 250

/** Keeps the newest shard map that anybody told. */
export class MapFollower {
  namespaces: Namespaces = builtInNamespaces
  private readonly transport: Transport
  private readonly onProblem: (problem: HalfsecondError) => void
  private map: ShardMap | undefined
  private fetching: Promise<void> | undefined
  private waiting: (() => void)[] = []
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
    else this.waiting.push(run)
  }

  /** The home shard of a key. Only once a map is known. */
  shardOf(key: Identifier): number {
    if (this.map === undefined) throw new HalfsecondError('UNAVAILABLE', 'no shard map yet')
    return shardOf(key, this.map.shards.length)
  }

  /** The node to ask about a key, or undefined while no map is known. */
  primaryOf(key: Identifier): string | undefined {
    return this.map?.shards[this.shardOf(key)]?.primary
  }

  incarnationOf(shard: number): number {
    return this.map?.shards[shard]?.incarnation ?? 0
  }

  /** A node knows this epoch, or, if 0, did not hold what the map says it does. */
  heard(epoch: number): void {
    if (epoch === 0 || epoch > (this.map?.epoch ?? 0)) void this.fetch()
  }

  /** Resolves when a map is known; rejects with `UNAVAILABLE` after `timeoutMs`. */
  async ready(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs
    while (this.map === undefined) {
      if (performance.now() > end || this.isClosed) {
        throw new HalfsecondError(
          'UNAVAILABLE',
          `no node answered within ${timeoutMs} ms: is the cluster up, and is the address right?`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  close(): void {
    this.isClosed = true
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
    setTimeout(() => void this.fetch(), retryMs)
  }

  private use(map: ShardMap): void {
    if (this.map && map.epoch < this.map.epoch) return
    this.map = map
    this.namespaces = namespacesOf(map)
    const { waiting } = this
    this.waiting = []
    for (const run of waiting) run()
  }
}
