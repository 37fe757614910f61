import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Milliseconds between two samples: delays shorter than this can go unseen. */
const resolutionMs = 1

const seconds = 1e-9

/**
 * How late the event loop is. Node measures the time between two timers, which includes the time
 * that they were set to; here that is taken off, so that an idle loop has a delay of nearly 0.
 */
export class LoopDelay {
  private readonly histogram = monitorEventLoopDelay({ resolution: resolutionMs })

  constructor() {
    this.histogram.enable()
  }

  /** Delays in seconds since the last call. */
  take(): { readonly p50: number; readonly p99: number; readonly max: number } {
    const { histogram } = this
    const taken = {
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.count === 0 ? 0 : histogram.max),
    }
    histogram.reset()
    return taken
  }

  close(): void {
    this.histogram.disable()
  }
}

function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds - resolutionMs * 1e6) * seconds
}
