import type { FragmentId } from '@halfsecond/protocol'

/** Fragments of one shard that wait to be looked at; the sweep finds what is beyond. */
export const touchedMax = 10_000

/**
 * Fragments of a shard that were written to and not looked at since. A standby keeps them for a
 * while too, for the primary may end before it has looked: in two generations, of which the older is
 * let go of with every turn.
 */
export class Touched {
  /** Whether anybody is to be looked at because of what is written to them. */
  isWanted = true
  /** Whether some did not fit since the last look. */
  hasOverflowed = false
  private young = new Set<FragmentId>()
  private old = new Set<FragmentId>()

  get size(): number {
    return this.young.size + this.old.size
  }

  add(id: FragmentId): void {
    if (this.young.size < touchedMax) this.young.add(id)
    else if (!this.young.has(id)) this.hasOverflowed = true
  }

  /** What was touched before the turn before this one is taken for looked at. */
  turn(): void {
    this.old = this.young
    this.young = new Set()
  }

  /** Takes some of them, those that wait for longest first. */
  take(count: number): FragmentId[] {
    const taken: FragmentId[] = []
    for (const generation of [this.old, this.young])
      for (const id of generation) {
        if (taken.length === count) return taken
        generation.delete(id)
        taken.push(id)
      }
    return taken
  }
}
