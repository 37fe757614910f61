import type { Transport } from '@halfsecond/client'
import type { ShardMap } from '@halfsecond/protocol'

/** What a client needs of the node that it runs in. */
export interface LocalNode {
  map(): ShardMap
  append(shard: number, batch: Uint8Array): Promise<number>
  answerFrame(frame: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/** How a node's own doors reach it: the client library without a wire. */
export class LocalTransport implements Transport {
  readonly isConnected = true
  private readonly node: LocalNode

  constructor(node: LocalNode) {
    this.node = node
  }

  map(): Promise<ShardMap> {
    return Promise.resolve(this.node.map())
  }

  /** A node alone has one map for ever. */
  onMap(): void {}

  publish(shard: number, batch: Uint8Array): Promise<number> {
    return this.node.append(shard, batch)
  }

  ask(_node: string, frame: Uint8Array): Promise<Uint8Array> {
    return Promise.resolve(this.node.answerFrame(frame))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
