/** Lines of one text that pass in a window. What repeats faster is a figure, not news. */
const linesPerWindow = 5
const windowMs = 10_000

/** Texts watched at once; they are fixed messages, so more would mean that something is in them. */
const textsMax = 256

interface Seen {
  until: number
  passed: number
  held: number
}

/** Holds back log lines that repeat, and tells how many when the next one passes. */
export class NoteLimit {
  private readonly seen = new Map<string, Seen>()
  private readonly now: () => number

  /** @param now milliseconds that never go back */
  constructor(now: () => number) {
    this.now = now
  }

  /** How many lines of this text were held back since the last that passed; undefined: hold this one. */
  pass(text: string): number | undefined {
    const now = this.now()
    const seen = this.seen.get(text)
    if (seen === undefined || now >= seen.until) {
      if (seen === undefined && this.seen.size >= textsMax) this.seen.clear()
      this.seen.set(text, { until: now + windowMs, passed: 1, held: 0 })
      return seen?.held ?? 0
    }
    if (seen.passed < linesPerWindow) {
      seen.passed++
      return 0
    }
    seen.held++
    return undefined
  }
}
