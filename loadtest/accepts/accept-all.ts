import type { Client, Decision } from '@halfsecond/client'
import { exportPositions, identifierOf, type Position } from '@halfsecond/protocol'

/** People who accept at the same time. */
const atOnce = 48

export interface Counts {
  /** Acceptances, each with an answer to the question that came right after it. */
  trials: number
  /** Answers that offered what was accepted. */
  violations: number
  /** Acceptances of which it was known, before that question, that they count everywhere. */
  confirmed: number
  /** Answers besides, which said that they are of older facts, and those of them that offered it. */
  stale: number
  staleOffers: number
  /** Of these, those after an acceptance that was confirmed. */
  confirmedStaleOffers: number
  /** Questions that nobody answered in time, and acceptances that were not recorded. */
  unanswered: number
}

/**
 * People accept, one offer after the other, on the web; right after each the call centre asks what to
 * offer them: by any of their identifiers where the acceptance is known to be everywhere, else by the
 * one it is about, with its position. Ends after so many trials.
 */
export async function acceptAll(
  web: Client,
  call: Client,
  trials: number,
  progress: (done: number) => void,
): Promise<Counts> {
  const counts = {
    trials: 0,
    violations: 0,
    confirmed: 0,
    stale: 0,
    staleOffers: 0,
    confirmedStaleOffers: 0,
    unanswered: 0,
  }
  let people = 0
  const run = async () => {
    while (counts.trials < trials) {
      const before = counts.trials
      await acceptOne(web, call, `p${++people}`, counts)
      if (Math.floor(before / 10_000) < Math.floor(counts.trials / 10_000)) progress(counts.trials)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, run))
  return counts
}

async function acceptOne(web: Client, call: Client, name: string, counts: Counts): Promise<void> {
  const browser = { anon: name }
  const account = { user: name }
  const visitor = web.visitor(browser)
  const isJoined = await isLinked(web, () => visitor.identify(account), name)
  const shown = await visitor.decide('offers')
  const accepted: string[] = []
  for (const { token, offer } of shown.propositions) {
    if (token === undefined || offer === undefined) return
    try {
      const { position, isEverywhere } = await web.accepted(token)
      if (isEverywhere) accepted.push(offer)
      if (isEverywhere) counts.confirmed++
      const gone = isEverywhere ? accepted : [offer]
      const asked = isEverywhere && isJoined && Math.random() < 0.5 ? browser : account
      const known = isEverywhere ? undefined : exportPositions([position])
      const who = call.visitor(asked, known)
      judge(await who.decide('script'), gone, isEverywhere, counts)
    } catch {
      counts.unanswered++
    }
  }
}

/** Whether everybody knows that they are one person. */
async function isLinked(
  web: Client,
  link: () => Promise<Position | undefined>,
  name: string,
): Promise<boolean> {
  try {
    const position = await link()
    return position !== undefined && (await web.isEverywhere(identifierOf('anon', name), position))
  } catch {
    return false
  }
}

function judge(
  decision: Decision,
  gone: readonly string[],
  isConfirmed: boolean,
  counts: Counts,
): void {
  const isOffered = decision.propositions.some(
    ({ offer }) => offer !== undefined && gone.includes(offer),
  )
  if (decision.error !== undefined) counts.unanswered++
  else if (decision.freshness === 'stale') {
    counts.stale++
    if (isOffered) counts.staleOffers++
    if (isOffered && isConfirmed) counts.confirmedStaleOffers++
  } else {
    counts.trials++
    if (isOffered) counts.violations++
  }
}
