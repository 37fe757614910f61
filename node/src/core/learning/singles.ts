import { readDecision } from '../decision/logged-decision.ts'
import { keepNewest } from '../keep-newest.ts'

/** Decisions that wait for a double of theirs: two nodes that were asked at once log within a second. */
const waitingMax = 2_048

/** Decisions of which no double is let through afterwards. */
const passedMax = 16_384

/** An entry of the decision log, and whose it is. */
interface Logged {
  readonly decision: string
  readonly entry: Uint8Array
}

/**
 * Leaves one entry of each decision. A client that asks a second node may have two answers to one
 * decision in the log, and shows one of them; which one is not told. The primary's stays, for it
 * knew most; where none is, the one that was logged first.
 */
export class Singles<T extends Logged> {
  /** By decision, in the order of the log. */
  private readonly waiting = new Map<string, T>()
  private readonly passed = new Set<string>()

  /** Takes an entry, and gives back the one that has waited long enough. */
  next(one: T): T | undefined {
    const { decision } = one
    if (this.passed.has(decision)) return undefined
    const known = this.waiting.get(decision)
    if (known !== undefined) {
      if (!readDecision(known.entry).isPrimary && readDecision(one.entry).isPrimary)
        this.waiting.set(decision, one)
      return undefined
    }
    this.waiting.set(decision, one)
    return this.waiting.size > waitingMax ? this.pass() : undefined
  }

  /** Those that still wait, in order. */
  *rest(): Generator<T> {
    for (let one = this.pass(); one !== undefined; one = this.pass()) yield one
  }

  private pass(): T | undefined {
    for (const [decision, one] of this.waiting) {
      this.waiting.delete(decision)
      this.passed.add(decision)
      keepNewest(this.passed, passedMax)
      return one
    }
    return undefined
  }
}
