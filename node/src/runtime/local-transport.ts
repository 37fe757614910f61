import type { Transport } from '@halfsecond/client'
import type { ShardMap } from '@halfsecond/protocol'

/** What a client needs of the node that it runs in. */
export interface LocalNode {
  map(): ShardMap
  onMap(listener: (map: ShardMap) => void): void
  append(shard: number, batch: Uint8Array): Promise<number>
  /** Asks the node of the map that holds the shards, this one included. */
  ask(node: string, frame: Uint8Array, timeoutMs: number): Uint8Array | Promise<Uint8Array>
}

/** How a node's own doors reach the cluster: the client library, without a wire to the node itself. */
export class LocalTransport implements Transport {
  readonly isConnected = true
  private readonly node: LocalNode

  constructor(node: LocalNode) {
    this.node = node
  }

  async map(): Promise<ShardMap> {
    return this.node.map()
  }

  onMap(listener: (map: ShardMap) => void): void {
    this.node.onMap(listener)
  }

  publish(shard: number, batch: Uint8Array): Promise<number> {
    return this.node.append(shard, batch)
  }

  async ask(node: string, frame: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.node.ask(node, frame, timeoutMs)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
