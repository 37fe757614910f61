import type { Clock, Timer } from '../runtime/ports.ts'

interface Scheduled {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** A clock that moves only when told, for tests and simulation. */
export class ManualClock implements Clock {
  private wall: number
  private elapsed = 0
  private order = 0
  private scheduled: Scheduled[] = []

  constructor(now = 1_700_000_000_000) {
    this.wall = now
  }

  now(): number {
    return this.wall
  }

  monotonic(): number {
    return this.elapsed
  }

  after(ms: number, run: () => void): Timer {
    const one = { at: this.elapsed + ms, order: this.order++, run }
    this.scheduled.push(one)
    return {
      cancel: () => {
        this.scheduled = this.scheduled.filter((other) => other !== one)
      },
    }
  }

  soon(run: () => void): void {
    this.after(0, run)
  }

  /** Lets time pass: runs what falls due, in order, each at its time. */
  advance(ms: number): void {
    const end = this.elapsed + ms
    while (true) {
      const due = this.scheduled
        .filter(({ at }) => at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (due === undefined) break
      this.scheduled = this.scheduled.filter((other) => other !== due)
      this.move(due.at - this.elapsed)
      due.run()
    }
    this.move(end - this.elapsed)
  }

  /** The wall clock jumps; time does not pass. */
  jump(ms: number): void {
    this.wall += ms
  }

  private move(ms: number): void {
    this.elapsed += ms
    this.wall += ms
  }
}
