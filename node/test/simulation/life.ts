import type { Clock, Timer } from '../../src/runtime/ports.ts'
import type { VirtualTime } from './virtual-time.ts'

/**
 * One life of a process, from its start to its end: all that happens to it comes through `enter`.
 * While it stands still, as after SIGSTOP, what comes waits; once it is over, nothing comes.
 */
export class Life {
  /** How far its wall clock is off. */
  skewMs = 0
  readonly clock: Clock
  /** Of this life alone. */
  readonly name: string
  private readonly time: VirtualTime
  private isOver = false
  private isStill = false
  private readonly waiting: (() => void)[] = []

  constructor(name: string, time: VirtualTime) {
    this.name = name
    this.time = time
    this.clock = {
      now: () => time.now() + this.skewMs,
      monotonic: () => time.monotonic(),
      after: (ms, run) => this.after(ms, run),
      soon: (run) => {
        this.after(0, run)
      },
    }
  }

  get isRunning(): boolean {
    return !this.isOver && !this.isStill
  }

  get isAlive(): boolean {
    return !this.isOver
  }

  enter(run: () => void): void {
    if (this.isOver) return
    if (this.isStill) this.waiting.push(run)
    else run()
  }

  /** What comes of a promise comes to this life only. */
  told<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.enter(() => resolve(value)),
        (error: unknown) => this.enter(() => reject(error)),
      )
    })
  }

  pause(): void {
    this.isStill = true
  }

  /** What waited comes in the order in which it would have come. */
  resume(): void {
    if (!this.isStill) return
    this.time.soon(() => {
      const next = this.waiting.shift()
      if (next === undefined) {
        this.isStill = false
        return
      }
      if (!this.isOver) next()
      this.resume()
    })
  }

  end(): void {
    this.isOver = true
    this.waiting.splice(0)
  }

  private after(ms: number, run: () => void): Timer {
    let isCancelled = false
    const timer = this.time.after(ms, () =>
      this.enter(() => {
        if (!isCancelled) run()
      }),
    )
    return {
      cancel: () => {
        isCancelled = true
        timer.cancel()
      },
    }
  }
}
