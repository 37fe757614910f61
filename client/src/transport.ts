import type { Identifier, Outcome, Position, ShardMap } from '@halfsecond/protocol'
import type { OutcomeDetails } from './outcome-options.ts'

/**
 * How a client reaches a cluster. `nats://` and `http://` implement it; so does a node, for what
 * comes in by its own doors. All rejections are `HalfsecondError`s.
 */
export interface Transport {
  /** The shard map. Rejects with `UNAVAILABLE` or `TIMEOUT`. */
  map(): Promise<ShardMap>
  /** Calls back with every newer map that comes by itself. */
  onMap(listener: (map: ShardMap) => void): void
  /**
   * Appends an encoded batch to a shard's log; resolves with its sequence once it is durable.
   * After `UNAVAILABLE` or `TIMEOUT` it may have been appended: sending it again is harmless.
   */
  publish(shard: number, batch: Uint8Array): Promise<number>
  /** Asks a node a frame of questions; resolves with the frame of answers. */
  ask(node: string, frame: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  /** Records an outcome by its token, where only the cluster can check it. */
  outcome?(
    token: string,
    outcome: Outcome,
    at: number,
    id: string,
    more: OutcomeDetails,
  ): Promise<Position>
  /** Links a device to whom a token was made for, where only the cluster can check it. */
  landing?(token: string, device: Identifier, at: number, id: string): Promise<Position>
  /** Whether there is a connection now, as far as is known. */
  readonly isConnected: boolean
  close(): Promise<void>
}
