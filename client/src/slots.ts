/** Publishes under way at once, all shards together. What waits meanwhile travels in fewer, larger batches. */
const slotsMax = 3

/** A publish that takes longer (its log has no leader, say) no longer keeps others from theirs. */
const slotMs = 25

/**
 * Paces publishes by acknowledgements: while few are under way each goes at once; under load the
 * wait for a slot fills the next batches. An entry of the log costs the same for one record as for
 * hundreds.
 */
export class Slots {
  private used = 0
  private readonly waiting: (() => void)[] = []

  /** Calls `run` in turn; it gets what gives the slot back. */
  take(run: (release: () => void) => void): void {
    if (this.used < slotsMax) this.start(run)
    else this.waiting.push(() => this.start(run))
  }

  private start(run: (release: () => void) => void): void {
    this.used++
    let isHeld = true
    const release = () => {
      if (!isHeld) return
      isHeld = false
      clearTimeout(timer)
      this.used--
      this.waiting.shift()?.()
    }
    const timer = setTimeout(release, slotMs)
    run(release)
  }
}
