import { setTimeout as sleep } from 'node:timers/promises'
import { decode, parseShardMap, type ShardMap, subjects } from '@halfsecond/protocol'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { ReplicaReport } from '../../node/src/core/cluster/cluster-map.ts'
import { type Beat, readBeat } from '../../node/src/runtime/cluster/messages.ts'

/** A node whose last beat, or whose last report of replicas, is older counts as silent. */
const silentMs = 1_500

interface Heard {
  readonly beat: Beat
  readonly at: number
  readonly replicas: ReadonlyMap<number, ReplicaReport>
  readonly replicasAt: number
}

/** Sees the cluster from outside: the maps that it broadcasts, and the beats of its nodes. */
export class ClusterWatch {
  /** Replicas that a shard has where nothing is wrong. */
  replicas = 2
  map: ShardMap | undefined
  /** How long it took from the loss of a node until another one led a shard of it, in milliseconds. */
  readonly promotions: number[] = []
  private readonly connection: NatsConnection
  private readonly heard = new Map<string, Heard>()
  private readonly awaited = new Set<{ led: Map<number, number>; at: number }>()

  private constructor(connection: NatsConnection) {
    this.connection = connection
    void this.listen(subjects.beats, (bytes) => this.hear(bytes))
    void this.listen(subjects.map, (bytes) => this.follow(readShardMap(bytes)))
  }

  private async listen(subject: string, handle: (bytes: Uint8Array) => void): Promise<void> {
    for await (const { data } of this.connection.subscribe(subject)) handle(data)
  }

  static async start(url: string): Promise<ClusterWatch> {
    const connection = await connect({
      servers: url.split(','),
      name: 'chaos',
      noAsyncTraces: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      pingInterval: 2_000,
      waitOnFirstConnect: true,
    })
    return new ClusterWatch(connection)
  }

  /** The primaries by shard, to be compared with those after something. */
  primaries(): readonly string[] {
    return this.map?.shards.map(({ primary }) => primary) ?? []
  }

  /** Shards that this node leads by the map. */
  ledBy(node: string): readonly number[] {
    return [...this.primaries().entries()].filter(([, one]) => one === node).map(([shard]) => shard)
  }

  /** When a node's last report had a replica out of service; undefined where it has none. */
  stoppedAt(node: string): number | undefined {
    const heard = this.heard.get(node)
    const isStopped = Array.from(heard?.replicas.values() ?? []).some(
      ({ status }) => status === 'stopped',
    )
    return isStopped ? heard?.replicasAt : undefined
  }

  /** Measures from now how long it takes until somebody leads anew what this node led. */
  lost(node: string): void {
    const led = new Map(this.ledBy(node).map((shard) => [shard, this.epochOf(shard)] as const))
    this.awaited.add({ led, at: performance.now() })
  }

  /** Shards of lost nodes that nobody else has led so far. */
  get unpromoted(): number {
    return [...this.awaited].reduce((sum, { led }) => sum + led.size, 0)
  }

  /** Resolves when every shard has its replicas in service; rejects with what is missing. */
  async redundant(maxMs: number, nodes: readonly string[] = []): Promise<number> {
    const started = performance.now()
    for (const end = started + maxMs; ; ) {
      const missing = await this.missing(nodes)
      if (missing === '') return performance.now() - started
      if (performance.now() > end)
        throw new Error(`after ${Math.round(maxMs / 1_000)} s ${missing}`)
      await sleep(50)
    }
  }

  async stop(): Promise<void> {
    await this.connection.close()
  }

  /** What keeps the cluster from full redundancy, in words; empty for nothing. */
  private async missing(nodes: readonly string[]): Promise<string> {
    if (this.map === undefined) await this.askForMap()
    if (this.map === undefined) return 'there is no map'
    const now = performance.now()
    const silent = nodes.filter((node) => now - (this.heard.get(node)?.at ?? 0) > silentMs)
    if (silent.length > 0) return `${silent} is silent`
    if (this.unpromoted > 0) return `nobody leads ${this.unpromoted} shards of a lost node`
    const lacking = this.map.shards.flatMap(({ primary, standbys }, shard) => {
      const holders = [primary, ...standbys]
      const isHot = (node: string) => this.replica(node, shard, now)?.status === 'hot'
      return holders.length >= this.replicas && holders.every(isHot) ? [] : [shard]
    })
    return lacking.length === 0
      ? ''
      : `shards ${lacking} have fewer than ${this.replicas} replicas in service`
  }

  /** The newest epoch in which a primary was folded by anybody. */
  private epochOf(shard: number): number {
    let epoch = 0
    for (const { replicas } of this.heard.values())
      epoch = Math.max(epoch, replicas.get(shard)?.epoch ?? 0)
    return epoch
  }

  private replica(node: string, shard: number, now: number): ReplicaReport | undefined {
    const heard = this.heard.get(node)
    const isRecent = heard !== undefined && now - heard.replicasAt <= silentMs
    return isRecent ? heard.replicas.get(shard) : undefined
  }

  private hear(bytes: Uint8Array): void {
    const beat = readBeat(bytes)
    if (beat === undefined) return
    const now = performance.now()
    const before = this.heard.get(beat.node)
    const kept = before?.beat.boot === beat.boot ? before : undefined
    this.heard.set(beat.node, {
      beat,
      at: now,
      replicas: beat.replicas ?? kept?.replicas ?? new Map(),
      replicasAt: beat.replicas ? now : (kept?.replicasAt ?? Number.NEGATIVE_INFINITY),
    })
    if (beat.replicas) this.compare(beat.replicas, now)
  }

  /** A shard is led again once any node has folded a primary of a newer epoch. */
  private compare(replicas: ReadonlyMap<number, ReplicaReport>, now: number): void {
    for (const awaited of this.awaited) {
      for (const [shard, epoch] of awaited.led) {
        if ((replicas.get(shard)?.epoch ?? 0) <= epoch) continue
        awaited.led.delete(shard)
        this.promotions.push(now - awaited.at)
      }
      if (awaited.led.size === 0) this.awaited.delete(awaited)
    }
  }

  private follow(map: ShardMap): void {
    if (map.epoch > (this.map?.epoch ?? 0)) this.map = map
  }

  /** A map that was broadcast before we listened. */
  private async askForMap(): Promise<void> {
    try {
      const answer = await this.connection.request(subjects.mapGet, new Uint8Array(0), {
        timeout: 1_000,
      })
      this.follow(readShardMap(answer.data))
    } catch {
      // Nobody has one yet.
    }
  }
}

function readShardMap(bytes: Uint8Array): ShardMap {
  return parseShardMap(decode(bytes))
}
