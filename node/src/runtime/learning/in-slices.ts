import type { Clock } from '../ports.ts'

/** A decide that comes meanwhile waits for so long at most, and for one piece of the work. */
const sliceMs = 2

/** Work in pieces of microseconds, between which others have their turn. Rejects as the work throws. */
export async function inSlices<T>(
  work: Generator<void, T>,
  clock: Pick<Clock, 'monotonic' | 'soon'>,
): Promise<T> {
  let end = clock.monotonic() + sliceMs
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    if (clock.monotonic() < end) continue
    await new Promise<void>((resolve) => clock.soon(resolve))
    end = clock.monotonic() + sliceMs
  }
}
