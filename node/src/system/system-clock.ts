import type { Clock, Timer } from '../runtime/ports.ts'

/** The real clock and timers: the only reader of the time. Timers do not keep a process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms: number, run: () => void): Timer => {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  soon: (run: () => void) => {
    setImmediate(run)
  },
}
