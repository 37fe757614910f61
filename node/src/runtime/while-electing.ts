import { toHalfsecondError } from '@halfsecond/protocol'
import type { Clock, Coordination } from './ports.ts'

/** Servers that have just started, or have lost one, elect their leaders first: seconds, more where they are busy. */
const electionMs = 30_000
const electionRetryMs = 500

/**
 * A step of starting that needs the servers: taken again while nobody answers, for half a minute.
 * Rejects with what it rejects with after that, and at once with all else. The step must be one that can
 * be taken twice.
 */
export async function whileElecting<T>(
  { clock, coordination }: { readonly clock: Clock; readonly coordination?: Coordination },
  step: () => Promise<T>,
): Promise<T> {
  // A node for itself has no servers that could come back.
  if (coordination?.isShared === false) return step()
  const end = clock.monotonic() + electionMs
  for (;;) {
    try {
      return await step()
    } catch (error) {
      const { code } = toHalfsecondError(error, 'UNAVAILABLE', 'cannot open')
      if (code !== 'UNAVAILABLE' || clock.monotonic() > end) throw error
      await new Promise<void>((resolve) => clock.after(electionRetryMs, resolve))
    }
  }
}
