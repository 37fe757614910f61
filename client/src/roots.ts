import type { Identifier } from '@halfsecond/protocol'

/** Keys in one generation; at least so many are remembered, at most twice as many. */
const generationKeys = 100_000

/**
 * Where a key's profile was found last, where that is not the key's own shard: whoever holds that
 * shard answers the next question without asking further. Kept in two generations, so that
 * forgetting costs nothing per key, and costs the next question a detour.
 */
export class Roots {
  private young = new Map<Identifier, number>()
  private old = new Map<Identifier, number>()

  /** The shard, or undefined where none is known but the key's own. */
  of(key: Identifier): number | undefined {
    return this.young.get(key) ?? this.old.get(key)
  }

  /** @param home the key's own shard */
  foundIn(key: Identifier, shard: number, home: number): void {
    if (shard === home) {
      this.forget(key)
      return
    }
    this.young.set(key, shard)
    if (this.young.size < generationKeys) return
    this.old = this.young
    this.young = new Map()
  }

  forget(key: Identifier): void {
    this.young.delete(key)
    this.old.delete(key)
  }
}
