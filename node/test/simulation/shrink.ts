import type { Schedule, Step } from './schedule.ts'

/** The same schedule with as few steps as still fail: none of them can be left out. */
export async function shrink(
  schedule: Schedule,
  fails: (schedule: Schedule) => Promise<boolean>,
): Promise<Schedule> {
  let steps: readonly Step[] = schedule.steps
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let at = 0; at < steps.length; ) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)]
      if (await fails({ ...schedule, steps: fewer })) steps = fewer
      else at += size
    }
  }
  return { ...schedule, steps }
}
