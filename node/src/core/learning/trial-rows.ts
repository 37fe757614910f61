import { fallbackName, ulidTime } from '@halfsecond/protocol'
import { readDecision } from '../decision/logged-decision.ts'
import type { Learning } from '../decision/playbook.ts'
import { templateOf } from '../features/feature-set.ts'
import { showing } from '../fragment/said.ts'
import type { JoinedDecision, JoinedOutcome } from './joined.ts'
import { readTrial } from './trial.ts'

/** A proposition that was seen, and whether it earned what was hoped for. */
export interface TrialRow {
  readonly decision: string
  /** When it was decided, in milliseconds since 1970. */
  readonly at: number
  readonly placement: string
  /** Or the template that it was made by. */
  readonly offer: string
  readonly treatment: string
  readonly bucket: string
  readonly isReward: boolean
  /** It stands for so many: one of them was logged. */
  readonly oneOf: number
}

/** What is learnt at a placement. */
export type Taught = Pick<Learning, 'lesson' | 'reward' | 'withinMs'>

/**
 * What a decision teaches of these placements: as the fold of its outcomes counts it. What was never
 * seen teaches nothing, nor what was decided under another lesson, nor what was shown instead.
 */
export function* trialRows(
  { entry, outcomes }: JoinedDecision,
  taught: ReadonlyMap<string, Taught>,
): Generator<TrialRow> {
  const { decision, choices, oneOf } = readDecision(entry)
  const at = ulidTime(decision)
  if (at === undefined) return
  for (const { placement, trial: text, propositions } of choices) {
    const place = taught.get(placement)
    const trial = place && text !== undefined ? readTrial(text) : undefined
    if (place === undefined || trial?.lesson !== place.lesson) continue
    const { bucket, isLater = false } = trial
    for (const { offer, treatment } of propositions) {
      if (offer === fallbackName) continue
      const own = outcomes.filter((one) => one.placement === placement && one.offer === offer)
      if (!isLater && !own.some(isShowing)) continue
      const isReward = own.some((one) => isRewarding(one, at, place))
      const arm = { offer: templateOf(offer) ?? offer, treatment }
      yield { decision, at, placement, ...arm, bucket, isReward, oneOf }
    }
  }
}

function isShowing({ outcome }: JoinedOutcome): boolean {
  return showing.includes(outcome)
}

function isRewarding(
  { outcome, at }: JoinedOutcome,
  decidedAt: number,
  { reward, withinMs }: Taught,
): boolean {
  return outcome === reward && at - decidedAt <= withinMs
}
