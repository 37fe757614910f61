import { PerformanceObserver } from 'node:perf_hooks'

/** The longest time that one collection of garbage held the event loop: a histogram cannot tell. */
export class GcPauses {
  private maxMs = 0
  private readonly observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) this.maxMs = Math.max(this.maxMs, duration)
  })

  constructor() {
    this.observer.observe({ entryTypes: ['gc'] })
  }

  /** In seconds, since the last call; 0 where there was none. */
  take(): number {
    const { maxMs } = this
    this.maxMs = 0
    return maxMs / 1_000
  }

  close(): void {
    this.observer.disconnect()
  }
}
