import { Coverage } from './coverage.ts'
import type { Violation } from './invariants.ts'
import { runSchedule } from './run-schedule.ts'
import { type Schedule, scheduleOf, textOf } from './schedule.ts'
import { shrink } from './shrink.ts'

export interface Found {
  readonly violation: Violation
  /** With no step that the violation does not need. */
  readonly schedule: Schedule
}

export interface Many {
  readonly found: readonly Found[]
  readonly coverage: Coverage
  /** The longest that it took until every shard had one primary, once all faults had ended. */
  readonly servedAfterMs: number
}

/** Runs the schedules of so many seeds; those that fail are shrunk. */
export async function runMany(
  firstSeed: number,
  count: number,
  progress: (done: number) => void = () => {},
): Promise<Many> {
  const found: Found[] = []
  const coverage = new Coverage()
  let servedAfterMs = 0
  for (let done = 0; done < count; done++) {
    const schedule = scheduleOf(firstSeed + done)
    const outcome = await runSchedule(schedule)
    coverage.add(outcome.coverage)
    servedAfterMs = Math.max(servedAfterMs, outcome.servedAfterMs)
    const [violation] = outcome.violations
    if (violation) found.push({ violation, schedule: await shrunk(schedule, violation) })
    progress(done + 1)
  }
  return { found, coverage, servedAfterMs }
}

/** What failed, and how to see it again. */
export function reportOf({ violation, schedule }: Found): string {
  const { invariant, what, atMs } = violation
  const steps = schedule.steps.map((step) => `  ${textOf(step)}`)
  return [`seed ${schedule.seed}: ${invariant} at ${atMs} ms: ${what}`, ...steps].join('\n')
}

function shrunk(schedule: Schedule, { invariant }: Violation): Promise<Schedule> {
  return shrink(schedule, async (fewer) => {
    const { violations } = await runSchedule(fewer)
    return violations.some((one) => one.invariant === invariant)
  })
}
