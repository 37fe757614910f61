import type { FragmentId, Identifier } from '@halfsecond/protocol'

/** Identifiers in one generation; at least so many are remembered, at most twice as many. */
const generationSize = 32_768

/**
 * Of identifiers that are at home elsewhere, the root here that questions about them ended at last.
 * It may be theirs no more: whoever follows it looks again. Kept in two generations, so that
 * forgetting costs nothing per identifier, and costs a question of it a message to its home.
 */
export class Roots {
  private young = new Map<Identifier, FragmentId>()
  private old = new Map<Identifier, FragmentId>()

  of(identifier: Identifier): FragmentId | undefined {
    return this.young.get(identifier) ?? this.old.get(identifier)
  }

  endedAt(identifier: Identifier, root: FragmentId): void {
    this.young.set(identifier, root)
    if (this.young.size < generationSize) return
    this.old = this.young
    this.young = new Map()
  }
}
