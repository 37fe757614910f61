import type { Clock, Timer } from '../../src/runtime/ports.ts'

interface Due {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

/** All that happens in a simulation, in the order of its times; nothing happens between two steps. */
export class VirtualTime implements Clock {
  private readonly startedAt: number
  private elapsed = 0
  private order = 0
  /** A binary heap: the soonest first, of equals the one that was added first. */
  private readonly heap: Due[] = []

  constructor(startedAt: number) {
    this.startedAt = startedAt
  }

  now(): number {
    return this.startedAt + Math.floor(this.elapsed)
  }

  monotonic(): number {
    return this.elapsed
  }

  after(ms: number, run: () => void): Timer {
    const due: Due = { at: this.elapsed + Math.max(0, ms), order: this.order++, run }
    this.push(due)
    return {
      cancel: () => {
        due.run = undefined
      },
    }
  }

  soon(run: () => void): void {
    this.after(0, run)
  }

  /** Runs the soonest, and all that follows from it at once. False where nothing is due until `end`. */
  async step(end: number): Promise<boolean> {
    for (let first = this.heap[0]; first !== undefined && first.at <= end; first = this.heap[0]) {
      this.pop()
      if (first.run === undefined) continue
      this.elapsed = first.at
      first.run()
      // An immediate comes after all promises that are settled now, and those that they settle.
      await new Promise<void>((resolve) => setImmediate(resolve))
      return true
    }
    this.elapsed = end
    return false
  }

  private push(due: Due): void {
    const { heap } = this
    let at = heap.push(due) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = heap[parent]
      if (other === undefined || isBefore(other, due)) break
      heap[at] = other
      at = parent
    }
    heap[at] = due
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      const left = heap[child]
      const right = heap[child + 1]
      const isRight = left !== undefined && right !== undefined && isBefore(right, left)
      const smaller = isRight ? right : left
      if (smaller === undefined || isBefore(last, smaller)) break
      heap[at] = smaller
      at = isRight ? child + 1 : child
    }
    heap[at] = last
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
