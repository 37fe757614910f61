import { fallbackName, type GrantRecord, type OutcomeRecord, ulidTime } from '@halfsecond/protocol'
import { templateOf } from '../features/feature-set.ts'
import { effectiveTime, type Logged, shownBy } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { readTrial, type Trial } from '../learning/trial.ts'
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
  if (record.trial === undefined || state.foldVersion < learningSince) return
  const trial = readTrial(record.trial)
  const decidedAt = decidedAtOf(record, logged)
  if (trial === undefined || decidedAt === undefined || record.offer === fallbackName) return
  const at = effectiveTime(record, logged.timestamp)
  const isTrial = !trial.isLater && shownBy(fragment, record, at, ground) === 'first'
  const isReward = record.outcome === trial.reward && at - decidedAt <= trial.withinMs
  if (!isTrial && !isReward) return
  count(state, record, trial, decidedAt, { isTrial, isReward }, ground)
}

/** Counts what was given, where that is the trial: what the fold granted is granted once. */
export function learnGrant(
  state: ShardState,
  record: GrantRecord,
  logged: Logged,
  ground: ShardGround,
): void {
  const { treatment } = record
  if (record.trial === undefined || treatment === undefined) return
  if (state.foldVersion < learningSince) return
  const trial = readTrial(record.trial)
  const decidedAt = decidedAtOf(record, logged)
  if (!trial?.isLater || decidedAt === undefined) return
  count(state, { ...record, treatment }, trial, decidedAt, isTrialOnly, ground)
}

const isTrialOnly = { isTrial: true, isReward: false }

/** When the decision was made; undefined where its id does not say. */
function decidedAtOf(
  { decision }: { readonly decision: string },
  logged: Logged,
): number | undefined {
  const decidedAt = ulidTime(decision)
  return decidedAt === undefined || decidedAt > logged.timestamp + clockSlackMs
    ? undefined
    : decidedAt
}

function count(
  { statistics, time, digest }: ShardState,
  { placement, offer, treatment }: Pick<OutcomeRecord, 'placement' | 'offer' | 'treatment'>,
  { lesson, bucket }: Trial,
  decidedAt: number,
  what: { readonly isTrial: boolean; readonly isReward: boolean },
  ground: ShardGround,
): void {
  const of = { lesson, placement, offer: templateOf(offer) ?? offer, treatment, bucket }
  const key = statistics.count(of, decidedAt, what, time.now, digest)
  if (key !== undefined) ground.statisticsChanged(key)
}
