import type { ShardEntry, ShardMap } from '@halfsecond/protocol'

/**
 * The shard map as nodes keep it: what clients follow, and the coordinator's plans beside it. Each
 * change has a greater epoch and is made by compare-and-set, so an epoch names one map for ever.
 */
export interface ClusterMap extends ShardMap {
  readonly shards: readonly Replicas[]
}

/** Who holds a shard. */
export interface Replicas extends ShardEntry {
  /** Caught-up replicas, the one that is promoted next first. Clients hedge to them. */
  readonly standbys: readonly string[]
  /** Replicas that are being filled; nobody asks them yet. */
  readonly warming: readonly string[]
  /** Epoch in which the primary leads: that of the map that gave it the shard. */
  readonly epoch: number
  /** The life of the primary's process that leads; another life needs another epoch. */
  readonly boot: string
}

/** What an operator wants of a node. */
export type Intent = 'serve' | 'drain' | 'decommission'

/** One node as it registered itself. */
export interface NodeRow {
  readonly id: string
  /** Random for every start of the process. */
  readonly boot: string
  /** Machine, so that a standby is not on its primary's. */
  readonly host: string
  /** Room, rack or availability zone; empty where there is only one. */
  readonly zone: string
  /** Share of the shards relative to other nodes; 1 by default. */
  readonly weight: number
  readonly intent: Intent
  /** The greatest fold version that it supports. */
  readonly foldVersion: number
}

/**
 *   recovering   reads its store, replays, or waits for a snapshot
 *   hot          folded all that the log had within the last second: may be promoted
 *   lagging      follows, but is behind
 *   stopped      cannot follow, or must not: parked, discontinued, diverged, no disk
 */
export type ReplicaStatus = 'recovering' | 'hot' | 'lagging' | 'stopped'

/** One replica as its node reported it last. */
export interface ReplicaReport {
  readonly status: ReplicaStatus
  readonly applied: number
  /** On its disk. */
  readonly flushed: number
  /** Epoch of the newest primary that it folded. */
  readonly epoch: number
  /** Digest at the last position that all replicas compare at; 0 and '' before the first. */
  readonly digestAt: number
  readonly digest: string
  /** For how long the oldest of what its shard has for others waits to be sent. */
  readonly unsentMs: number
}

/** What was last heard of a node. */
export interface NodeReport {
  readonly boot: string
  /** Since its last beat, on the listener's clock that never jumps. */
  readonly silentMs: number
  /** By shard. */
  readonly replicas: ReadonlyMap<number, ReplicaReport>
}
