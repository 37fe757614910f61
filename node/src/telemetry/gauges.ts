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
  /** The shards that this node holds. */
  shards(): Iterable<ShardGauges>
  readonly map: { readonly epoch: number; readonly nodes: number }
  /** Version that decides; 0 before the first. */
  readonly playbook: number
  /** Whether the log can be written to, as far as is known. */
  readonly logReachable: boolean
  store(): Promise<{ readonly usedBytes: number; readonly freeBytes: number }>
}

export interface ShardGauges {
  readonly shard: number
  /** One of a few words, like `following`. */
  readonly status: string
  readonly isFresh: boolean
  /** Last entry that the fold has applied. */
  readonly applied: number
  /** Last entry that a restart need not fold again. */
  readonly flushed: number
  /** Entries of the log that are not applied yet, where that is known. */
  readonly lag: number | undefined
}
