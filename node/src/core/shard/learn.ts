import { fallbackName, type OutcomeRecord, ulidTime } from '@halfsecond/protocol'
import { templateOf } from '../features/feature-set.ts'
import { effectiveTime, type Logged, shownBy } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { readTrial } from '../learning/trial.ts'
import type { ShardGround, ShardState } from './shard-state.ts'

/** From these rules of folding on outcomes are counted: all replicas of a shard begin at the same entry. */
const learningSince = 2

/** A decision that is dated later than this after the log took its outcome was dated by a wrong clock. */
const clockSlackMs = 60 * 60_000

/**
 * Counts an outcome that has just become part of its fragment: what shows a proposition for the first
 * time is a trial, what was hoped for is a reward if it came soon enough after the decision. Whatever
 * does not say what is learnt from it costs nothing and teaches nothing.
 */
export function learn(
  state: ShardState,
  fragment: Fragment,
  record: OutcomeRecord,
  logged: Logged,
  ground: ShardGround,
): void {
  const { decision, placement, offer, treatment, outcome } = record
  if (record.trial === undefined || state.foldVersion < learningSince) return
  const trial = readTrial(record.trial)
  const decidedAt = ulidTime(decision)
  if (trial === undefined || decidedAt === undefined || offer === fallbackName) return
  if (decidedAt > logged.timestamp + clockSlackMs) return
  const at = effectiveTime(record, logged.timestamp)
  const isTrial = shownBy(fragment, record, at, ground) === 'first'
  const isReward = outcome === trial.reward && at - decidedAt <= trial.withinMs
  if (!isTrial && !isReward) return
  const { lesson, bucket } = trial
  const of = { lesson, placement, offer: templateOf(offer) ?? offer, treatment, bucket }
  const { statistics, time, digest } = state
  const key = statistics.count(of, decidedAt, { isTrial, isReward }, time.now, digest)
  if (key !== undefined) ground.statisticsChanged(key)
}
