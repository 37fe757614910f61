/** One step of a sequence: `times` events, and when they must be. */
export interface Step {
  readonly times: number
  /**
   * Of the first step: all its events lie within so long. Of a later one: its last event comes less
   * than so long after the step before was done. Infinite: whenever.
   */
  readonly withinMs: number
}

/**
 * The latest time at which all steps were done, one after the other, or undefined. Events of a step
 * are later than the time at which the step before was done; other events may lie between. Looks at
 * every way to take the steps, not only at the first that offers itself.
 * @param timesOf times of events that a step may be made of, oldest first
 */
export function lastDone(
  steps: readonly Step[],
  timesOf: (step: number) => readonly number[],
): number | undefined {
  let done: readonly number[] | undefined
  steps.forEach((step, index) => {
    const times = timesOf(index)
    done = done === undefined ? firstDone(step, times) : nextDone(step, times, done)
  })
  return done?.at(-1)
}

/** Times at which the first step is done, oldest first. */
function firstDone({ times: count, withinMs }: Step, times: readonly number[]): number[] {
  return times.filter((at, i) => {
    const first = times[i - count + 1]
    return first !== undefined && at - first < withinMs
  })
}

/** Times at which a later step is done, given those of the step before. */
function nextDone(
  { times: count, withinMs }: Step,
  times: readonly number[],
  before: readonly number[],
): number[] {
  let next = 0
  return times.filter((at, i) => {
    const first = times[i - count + 1]
    if (first === undefined) return false
    while (next < before.length && (before[next] ?? 0) < first) next++
    // Of all that lie before the first event of this step, the latest leaves the most time.
    const last = before[next - 1]
    return last !== undefined && at - last < withinMs
  })
}
