/**
 * Calls `act` with the time at which it should happen, `rate` times a second for `seconds`, or until
 * `over` is aborted: an open model. What cannot be done in time is done late but counts from its
 * intended start, so that a stall is seen by everybody who would have come meanwhile.
 */
export async function atRate(
  rate: number,
  seconds: number,
  act: (intendedMs: number) => void,
  over?: AbortSignal,
): Promise<void> {
  const start = performance.now()
  const total = Math.floor(rate * seconds)
  let done = 0
  while (done < total && over?.aborted !== true) {
    const now = performance.now()
    const due = Math.min(total, Math.floor(((now - start) * rate) / 1_000) + 1)
    // In slices, so that answers are handled in between.
    const until = Math.min(due, done + sliceMax)
    for (; done < until; done++) act(start + (done * 1_000) / rate)
    if (done < due) await new Promise<void>((resolve) => setImmediate(resolve))
    else await new Promise<void>((resolve) => setTimeout(resolve, 1))
  }
}

const sliceMax = 512
