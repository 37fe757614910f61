/** Keys in one generation; at least so many are remembered, at most twice as many. */
const generationKeys = 100_000

/** What happened lately, within a bound: forgetting costs no more than doing it once again. */
export class Lately {
  private young = new Set<string>()
  private old = new Set<string>()

  /** Whether this is the first time in a long while. */
  isFirst(key: string): boolean {
    if (this.young.has(key) || this.old.has(key)) return false
    this.young.add(key)
    if (this.young.size >= generationKeys) {
      this.old = this.young
      this.young = new Set()
    }
    return true
  }
}
