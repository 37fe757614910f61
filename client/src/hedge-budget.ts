/** Hedges per question in the long run: where everything is slow, they add a tenth to the load. */
const share = 0.1

/**
 * Hedges that may be sent at once. A node of three that freezes costs three for each of its shards,
 * about 64, until they are asked standby-first, and one for each question that was under way to it.
 */
const burst = 256

/** Keeps hedges from doubling the load of a cluster that is slow as a whole. */
export class HedgeBudget {
  private left = burst

  /** Each question pays for a part of a hedge. */
  asked(): void {
    if (this.left < burst) this.left += share
  }

  /** Whether a hedge may be sent now; it is paid for then. */
  take(): boolean {
    if (this.left < 1) return false
    this.left--
    return true
  }
}
