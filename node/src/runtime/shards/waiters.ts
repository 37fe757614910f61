import type { Clock, Timer } from '../ports.ts'

/** Resolves with whether the position was reached in time. */
export type Waiter = Promise<boolean>

/** Most decides that may wait in one shard; beyond it they are answered `stale` at once. */
const waitersMax = 10_000

interface Waiting {
  readonly sequence: number
  readonly done: (reached: boolean) => void
  readonly timer: Timer
}

/** Who waits for a shard's fold to reach a position. Waits are short, so a list is enough. */
export class Waiters {
  private readonly clock: Clock
  private waiting: Waiting[] = []

  constructor(clock: Clock) {
    this.clock = clock
  }

  add(sequence: number, timeoutMs: number): Waiter {
    if (this.waiting.length >= waitersMax) return Promise.resolve(false)
    return new Promise((done) => {
      const timer = this.clock.after(timeoutMs, () => {
        this.waiting = this.waiting.filter((one) => one.timer !== timer)
        done(false)
      })
      this.waiting.push({ sequence, done, timer })
    })
  }

  reached(sequence: number): void {
    if (this.waiting.length === 0) return
    const ready = this.waiting.filter((one) => one.sequence <= sequence)
    if (ready.length === 0) return
    this.waiting = this.waiting.filter((one) => one.sequence > sequence)
    this.end(ready, true)
  }

  close(): void {
    const ended = this.waiting
    this.waiting = []
    this.end(ended, false)
  }

  private end(waiting: readonly Waiting[], reached: boolean): void {
    for (const { timer, done } of waiting) {
      timer.cancel()
      done(reached)
    }
  }
}
