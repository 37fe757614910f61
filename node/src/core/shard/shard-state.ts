import type { FragmentId } from '@halfsecond/protocol'
import { Digest } from '../digest.ts'
import type { Ground } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import type { ProfileChange } from '../identity/identity-ground.ts'
import { builtInRules, type IdentityRules } from '../identity/rules.ts'
import { Statistics } from '../learning/statistics.ts'
import { LogicalTime } from './logical-time.ts'
import { Outbox, type RowChanged } from './outbox.ts'
import { Producers } from './producers.ts'

/**
 * The greatest rules of folding that this program knows. It grows when the same records begin to
 * fold into other facts: a shard goes on by its old rules until a `barrier` in its log, which its
 * primary writes once every node knows the new ones.
 */
export const foldVersion = 4

/** One entry of a shard's log. */
export interface LogEntry {
  readonly sequence: number
  /** When the log took it, in milliseconds since 1970. */
  readonly timestamp: number
  /** Whether it came over the nodes' own subject. */
  readonly own: boolean
  /** An encoded batch. Valid only during the call that passes the entry. */
  readonly bytes: Uint8Array
}

/** What a shard knows besides its fragments. All of it is a fold of the log. */
export interface ShardState {
  readonly shard: number
  readonly shards: number
  /** Which life of the stream `applied` counts in. */
  incarnation: number
  /** Sequence of the last folded entry. */
  applied: number
  /** Hash of that entry: tells a log that was rewritten below us. */
  fingerprint: string
  /** Epoch of the newest primary. */
  epoch: number
  /** The playbook that decides; version 0 is none. */
  playbook: { readonly version: number; readonly hash: string }
  /** By what identifiers are recognised; version 0 are the built-in rules. */
  identity: ActiveIdentity
  /** What other shards must hear, and other systems. */
  readonly outbox: Outbox
  /** The rules that the shard is folded by: those of the last barrier. */
  foldVersion: number
  readonly time: LogicalTime
  readonly producers: Producers
  /** What is learnt from outcomes. */
  readonly statistics: Statistics
  readonly digest: Digest
}

export interface ActiveIdentity {
  readonly version: number
  /** The configuration as its record had it. */
  readonly text: string
  readonly rules: IdentityRules
}

export const builtInIdentity: ActiveIdentity = { version: 0, text: '', rules: builtInRules }

export function initialShardState(shard: number, shards: number, incarnation: number): ShardState {
  return {
    shard,
    shards,
    incarnation,
    applied: 0,
    fingerprint: '',
    epoch: 0,
    playbook: { version: 0, hash: '' },
    identity: builtInIdentity,
    outbox: new Outbox(),
    foldVersion: 1,
    time: new LogicalTime(),
    producers: new Producers(),
    statistics: new Statistics(),
    digest: new Digest(),
  }
}

/** A record, or a whole entry, that could not be folded, kept as it came; or a signal that nobody took. */
export interface DeadLetter {
  readonly sequence: number
  /** Place in the batch; −1 for the whole entry, and for a signal. */
  readonly index: number
  readonly reason: string
  readonly bytes: Uint8Array
}

/** What the fold of a shard asks of whoever runs it. Everything is synchronous. */
export interface ShardGround extends Ground {
  /** The fragment, loaded or new; it is about to be changed. */
  activate(identifier: FragmentId): Fragment
  /** The fragment, activated by this entry, was changed. */
  changed(fragment: Fragment): void
  /** A producer's row was changed, or removed. */
  producerChanged(producer: string): void
  /** A cell of the statistics was changed, or has faded. */
  statisticsChanged(key: string): void
  deadLetter(letter: DeadLetter): void
  /** A row of the outbox came or went. */
  readonly outboxChanged: RowChanged
  /** Somebody joined a profile, or left it. */
  profileChanged(change: ProfileChange): void
}
