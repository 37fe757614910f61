import { PerformanceObserver } from 'node:perf_hooks'

/** How long other work had to wait for the loop while something was done. */
export interface Turns {
  /** Milliseconds, without what the collector of garbage took of the turn. */
  readonly longestMs: number
  /** 99 of a hundred of those in which anything was done were no longer; of these too without the collector. */
  readonly p99Ms: number
  /** The most processor time of this thread in one turn, with the collector. */
  readonly cpuMs: number
  /** The longest pause of the collector, which depends on all that the process holds. */
  readonly collectorMs: number
}

/** In shorter turns nothing was done. */
const idleMs = 0.05

interface Turn {
  readonly from: number
  readonly to: number
}

/**
 * Does something while it asks for a turn of the loop again and again. That takes processor time where
 * the work itself would wait: take that of another run.
 */
export async function turnsOf(work: () => Promise<unknown>): Promise<Turns> {
  const turns: Turn[] = []
  const pauses: Turn[] = []
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      pauses.push({ from: startTime, to: startTime + duration })
  })
  observer.observe({ entryTypes: ['gc'] })
  let cpuMs = 0
  let from = performance.now()
  let cpuFrom = threadMs()
  let isDone = false
  const look = () => {
    const to = performance.now()
    const cpuTo = threadMs()
    if (to - from > idleMs) turns.push({ from, to })
    cpuMs = Math.max(cpuMs, cpuTo - cpuFrom)
    from = to
    cpuFrom = cpuTo
    if (!isDone) setImmediate(look)
  }
  setImmediate(look)
  try {
    await work()
    // What the last turn took is seen in the next one; the observer is told later than that.
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve))
  } finally {
    isDone = true
    observer.disconnect()
  }
  const lengths = lengthsWithout(pauses, turns)
  return {
    longestMs: lengths.at(-1) ?? 0,
    p99Ms: lengths[Math.floor((lengths.length - 1) * 0.99)] ?? 0,
    cpuMs,
    collectorMs: pauses.reduce((most, pause) => Math.max(most, pause.to - pause.from), 0),
  }
}

/** In order of length. Turns and pauses come in order of time. */
function lengthsWithout(pauses: readonly Turn[], turns: readonly Turn[]): readonly number[] {
  const byTime = pauses.toSorted((a, b) => a.from - b.from)
  let next = 0
  const lengths = turns.map(({ from, to }) => {
    let length = to - from
    for (; (byTime[next]?.from ?? to) < to; next++) {
      const pause = byTime[next]
      if (pause !== undefined && pause.from >= from) length -= pause.to - pause.from
    }
    return Math.max(0, length)
  })
  return lengths.sort((a, b) => a - b)
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** As a figure says under which conditions. */
export function turnsInWords(turns: Turns): { readonly [name: string]: string } {
  const { p99Ms, cpuMs, collectorMs } = turns
  const named = { p99: p99Ms, cpu: cpuMs, collector: collectorMs }
  return Object.fromEntries(
    Object.entries(named).map(([name, ms]) => [name, `${ms.toFixed(2)} ms`]),
  )
}

/** Milliseconds of processor time of this process, on all its threads. */
export async function cpuMsOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}
