import type { Clock } from '../runtime/ports.ts'

/** Time that deliveries may take of one turn of the loop, so that decides wait no longer. */
const turnMs = 2

/**
 * Runs deliveries in the order they came, in slices: under load many messages stand in one read of
 * the socket, and folding them all at once would hold up every decide. Messages that wait are
 * bounded by what the tails have asked for.
 */
export class Turns {
  private readonly clock: Clock
  private waiting: (() => void)[] = []
  private next = 0
  private spentMs = 0
  private isScheduled = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Runs at once if nothing waits and this turn has time left; else later, in order. */
  run(delivery: () => void): void {
    if (this.next < this.waiting.length || this.spentMs >= turnMs) this.waiting.push(delivery)
    else this.spend(delivery)
    if (this.isScheduled) return
    this.isScheduled = true
    this.clock.soon(() => this.turn())
  }

  private turn(): void {
    this.isScheduled = false
    this.spentMs = 0
    while (this.next < this.waiting.length && this.spentMs < turnMs) {
      const delivery = this.waiting[this.next++]
      if (delivery) this.spend(delivery)
    }
    if (this.next < this.waiting.length) {
      this.isScheduled = true
      this.clock.soon(() => this.turn())
    } else {
      this.waiting = []
      this.next = 0
    }
  }

  private spend(delivery: () => void): void {
    const started = this.clock.monotonic()
    delivery()
    this.spentMs += this.clock.monotonic() - started
  }
}
