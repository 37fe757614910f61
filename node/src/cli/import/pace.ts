import { setTimeout } from 'node:timers/promises'

/** Below this it is not worth to wait: timers are not more exact. */
const slackMs = 20

/** Lets so many things pass a second, evenly, without saving up for a burst. */
export class Pace {
  private readonly perSecond: number
  private readonly now: () => number
  private readonly wait: (ms: number) => Promise<unknown>
  /** When what has passed so far should have passed. */
  private paidAt = 0

  constructor(
    perSecond: number,
    signal: AbortSignal,
    now = () => performance.now(),
    wait = (ms: number): Promise<unknown> =>
      setTimeout(ms, undefined, { signal }).catch(() => undefined),
  ) {
    this.perSecond = perSecond
    this.now = now
    this.wait = wait
  }

  /** Resolves when the next may pass, or when it is stopped. */
  async take(count: number): Promise<void> {
    const now = this.now()
    this.paidAt = Math.max(this.paidAt, now) + (count * 1000) / this.perSecond
    if (this.paidAt - now > slackMs) await this.wait(this.paidAt - now)
  }
}
