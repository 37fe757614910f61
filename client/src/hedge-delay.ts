/** Sooner than this an answer is not late: a node's pause for garbage is no reason to ask another. */
const leastMs = 30

/** Later than this a visitor would notice. */
const mostMs = 50

/** A 20th of the answers may be late without moving the delay. */
const lateShare = 0.05

/** How far one answer moves the delay: about 40 late ones in a row take it from least to most. */
const stepMs = 0.5

/**
 * How long an answer may take before another replica is asked as well: the 95th percentile of recent
 * answers, within bounds. Each answer moves the delay up or down so that both balance where a 20th
 * is late; nothing is kept or sorted.
 */
export class HedgeDelay {
  ms = leastMs

  answered(tookMs: number): void {
    const moved = tookMs > this.ms ? stepMs * (1 - lateShare) : -stepMs * lateShare
    this.ms = Math.min(mostMs, Math.max(leastMs, this.ms + moved))
  }
}
