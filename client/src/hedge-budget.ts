/** One hedge for so many questions in the long run: a cluster that is slow as a whole gets a tenth more. */
const questionsPerHedge = 10

/**
 * Hedges that may be sent at once. A node of three that freezes costs three for each of its shards,
 * about 64, until they are asked standby-first, and one for each question that was under way to it.
 */
const burst = 256

/** Keeps hedges from doubling the load of a slow cluster. Counts the questions that pay for them. */
export class HedgeBudget {
  private paid = burst * questionsPerHedge

  /** A question pays its part of a hedge. */
  asked(): void {
    if (this.paid < burst * questionsPerHedge) this.paid++
  }

  /** Whether a hedge may be sent now; it is paid for then. */
  take(): boolean {
    if (this.paid < questionsPerHedge) return false
    this.paid -= questionsPerHedge
    return true
  }
}
