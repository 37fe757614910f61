/** What is read only when somebody scrapes, anew each time. Implemented by the composition root. */
export interface Gauges {
  readonly actors: {
    readonly count: number
    /** Bytes of objects and of arena blocks that actors hold, against their budget. */
    readonly heldBytes: number
    readonly budgetBytes: number
    /** Bytes that the arena took from the system. */
    readonly arenaBytes: number
  }
  /** The shards that this node holds, those included that it cannot open yet. */
  shards(): Iterable<ShardGauges>
  /** The cluster, by the map that this node follows. */
  readonly cluster: {
    readonly epoch: number
    readonly nodes: number
    readonly shards: number
    /** Caught-up replicas that each shard shall have. */
    readonly replicasWanted: number
    /** Replicas that are given to this node. */
    readonly primaries: number
    readonly standbys: number
    readonly warming: number
    /** Whether this node changes the map. */
    readonly isCoordinator: boolean
  }
  /** Whether this node should get traffic. */
  readonly isReady: boolean
  /** Version that decides; 0 before the first. */
  readonly playbook: number
  /** What was learnt, and decides. */
  readonly model: {
    /** 0 before the first. */
    readonly version: number
    /** Since it was published; 0 before the first. */
    readonly ageSeconds: number
    readonly beliefs: number
  }
  /** Whether the log can be written to, as far as is known. */
  readonly logReachable: boolean
  /** Whether the last checkpoint failed. */
  readonly isStoreFailing: boolean
  store(): Promise<{ readonly usedBytes: number; readonly freeBytes: number }>
}

export interface ShardGauges {
  readonly shard: number
  /** One of a few words, like `following`. */
  readonly status: string
  /** Whether this node leads it. */
  readonly isLed: boolean
  /** Whether it may be promoted: its answers are fresh, and its disk works. */
  readonly isCaughtUp: boolean
  /** Whether another replica has other facts, and nobody knows who is right. */
  readonly isSuspect: boolean
  /** Last entry that the fold has applied. */
  readonly applied: number
  /** Last entry that a restart need not fold again. */
  readonly flushed: number
  /** Entries that the primary has applied and this replica has not, where that is known. */
  readonly lag: number | undefined
  /** How full its log is; undefined unless this node leads it and has looked, every 30 s. */
  readonly log: { readonly bytes: number; readonly bytesMax: number } | undefined
}
