/** A forward jump of more than this waits for a second tick: one clock may simply be wrong. */
const jumpMaxMs = 5 * 60_000

/**
 * The time of a shard. Only ticks in its log move it, never backwards, so every replica has the
 * same time at the same position.
 */
export class LogicalTime {
  /** Milliseconds since 1970; 0 before the first tick. */
  now: number
  /** A jump that waits to be confirmed, or 0. */
  private held: number

  constructor(now = 0, held = 0) {
    this.now = now
    this.held = held
  }

  /** @param wall the primary's clock; @param timestamp the log's: both must agree to go forward */
  tick(wall: number, timestamp: number): void {
    const next = Math.min(wall, timestamp)
    if (next <= this.now) return
    const isJump = this.now > 0 && next - this.now > jumpMaxMs
    const isConfirmed = this.held > 0 && next >= this.held && next - this.held <= jumpMaxMs
    if (isJump && !isConfirmed) {
      this.held = next
      return
    }
    this.held = 0
    this.now = next
  }

  stored(): readonly [number, number] {
    return [this.now, this.held]
  }
}
