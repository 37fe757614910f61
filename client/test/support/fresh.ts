import { expect, vi } from 'vitest'

/** A busy machine is late once in a while, a broken node always. */
const patience = { timeout: 20_000, interval: 20 }

/**
 * Asks until the answer came in time and is of the newest facts. Whoever asks on a busy machine may get
 * default content or a stale answer: both say so, and promise nothing of what they show.
 */
export function fresh<Answer extends Claim>(ask: () => Promise<Answer>): Promise<Answer> {
  return vi.waitFor(async () => {
    const answer = await ask()
    expect({ freshness: answer.freshness, error: answer.error }).toEqual({ freshness: 'fresh' })
    return answer
  }, patience)
}

/** What an answer says of itself. */
interface Claim {
  readonly freshness: string
  readonly error?: unknown
}
