import {
  fnv1a32,
  type Identifier,
  type Outcome,
  type OutcomeRecord,
  ulid,
} from '@halfsecond/protocol'
import { lessonText, type Reward, trialText } from '../../src/core/learning/trial.ts'
import type { BareShard } from './bare-shard.ts'
import { anon, batch, ownBatch, start } from './records.ts'

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

/** Clicks within 40 minutes, in slots of 10; what was learnt counts half after a day. */
export const clicks = lesson('click', 40 * minute, day)

export function lesson(reward: Reward, withinMs: number, halfLifeMs: number): string {
  return lessonText({ reward, withinMs, halfLifeMs })
}

export interface Reported {
  readonly decidedAt?: number
  readonly at?: number
  /** Tells decisions of one moment apart. */
  readonly who?: string
  readonly key?: Identifier
  readonly placement?: string
  readonly offer?: string
  readonly treatment?: string
  /** Null: nobody learns. */
  readonly lesson?: string | null
  readonly bucket?: string
}

/** What a token brings back: by default of one decision at the start, a minute later. */
export function reported(outcome: Outcome, what: Reported = {}): OutcomeRecord {
  const { decidedAt = start, at = decidedAt + minute, who = 'v1', bucket = '' } = what
  const { placement = 'hero', offer = 'boots', treatment = 'red', key = anon(1) } = what
  const learnt = what.lesson === undefined ? clicks : what.lesson
  const decision = ulid(decidedAt, (bytes) => bytes.fill(fnv1a32(who) % 251))
  return {
    kind: 'outcome',
    id: `${decision}.${outcome}.${at}`,
    key,
    at,
    decision,
    placement,
    offer,
    treatment,
    outcome,
    ...(learnt !== null && { trial: trialText(learnt, bucket) }),
  }
}

/** Folds by the rules of learning from here on. */
export function learning(shard: BareShard, at = start): BareShard {
  shard.take(ownBatch(1, 1, { kind: 'primary', epoch: 1, node: 'n' }), at, true)
  shard.take(ownBatch(1, 2, { kind: 'barrier', epoch: 1, foldVersion: 2 }), at, true)
  return shard
}

/** The time of a shard goes to here: a jump needs to be said twice. */
export function tick(shard: BareShard, wall: number): void {
  for (let i = 0; i < 2; i++)
    shard.take(ownBatch(1, 3, { kind: 'tick', epoch: 1, wall: wall + i }), wall + i, true)
}

/** Each record in an entry of its own, which the log takes when it happened. */
export function tell(shard: BareShard, ...records: readonly OutcomeRecord[]): void {
  for (const record of records) shard.take(batch(`p${shard.state.applied}`, 1, [record]), record.at)
}

/** `trials rewards` of each cell that is told, by offer and bucket. */
export function told(shard: BareShard): { [cell: string]: string } {
  const { statistics, time } = shard.state
  return Object.fromEntries(
    statistics
      .settled(time.now)
      .cells.map(({ offer, bucket, trials, rewards }) => [
        bucket === '' ? offer : `${offer} ${bucket}`,
        `${trials} ${rewards}`,
      ]),
  )
}
