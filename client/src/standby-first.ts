/** Late answers in a row after which a primary is asked last. */
const missesMax = 3

/** For how long; then one question finds out whether it is back. */
const standbyFirstMs = 2_000

interface Misses {
  readonly primary: string
  inARow: number
  /** Until when the standbys are asked first. */
  until: number
}

/**
 * Which shards to ask standby-first, as their primary lets questions wait. Otherwise the loss of one
 * node of three would need a hedge for every third question, more than the budget allows.
 */
export class StandbyFirst {
  private readonly byShard: (Misses | undefined)[] = []

  isOn(shard: number, primary: string, now: number): boolean {
    const misses = this.byShard[shard]
    return misses !== undefined && misses.until > now && misses.primary === primary
  }

  /** The primary did not answer in time. Returns whether the standbys come first from now on. */
  missed(shard: number, primary: string, now: number): boolean {
    const known = this.byShard[shard]
    const misses = known?.primary === primary ? known : { primary, inARow: 0, until: 0 }
    this.byShard[shard] = misses
    if (++misses.inARow < missesMax) return false
    const wasOn = misses.until > now
    misses.until = now + standbyFirstMs
    return !wasOn
  }

  /** A replica answered in time. Until the primary does, one more miss suffices. */
  answered(shard: number, node: string): void {
    const misses = this.byShard[shard]
    if (misses?.primary === node) misses.inARow = 0
  }
}
