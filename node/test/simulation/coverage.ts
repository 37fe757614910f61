const counted = [
  'decides',
  'fresh',
  'stale',
  /** Decides that were sent to where the profile was found before. */
  'asked-at-root',
  'hedges',
  /** Decides that ended without an answer. */
  'defaults',
  'resends',
  /** Starts of a process after its first one. */
  'restarts',
  'pauses',
  /** Shards that came to be led by another life than before. */
  'promotions',
  /** Times at which two lives held themselves for the primary of a shard. */
  'double-primaries',
  'copies',
  'trims',
  /** Replicas that stopped because the log lost entries, changed or was made anew. */
  'quarantines',
  /** Replicas that met an entry which they could not fold. */
  'parked',
  'dead-letters',
  'refused-commits',
  'decides-without-control',
  /** Shards that had learnt something, and had it settled, in the end. */
  'learnt',
] as const

export type Counted = (typeof counted)[number]

/** How often what happened: a state that no schedule reaches proves nothing. */
export class Coverage {
  private readonly counts = new Map<Counted, number>(counted.map((what) => [what, 0]))

  count(what: Counted, times = 1): void {
    this.counts.set(what, this.of(what) + times)
  }

  of(what: Counted): number {
    return this.counts.get(what) ?? 0
  }

  add(other: Coverage): void {
    for (const what of counted) this.count(what, other.of(what))
  }

  /** In a fixed order. */
  get all(): readonly (readonly [Counted, number])[] {
    return counted.map((what) => [what, this.of(what)] as const)
  }
}
