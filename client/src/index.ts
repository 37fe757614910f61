export {
  type ErrorCode,
  type Freshness,
  HalfsecondError,
  type KnownTrait,
  type Outcome,
  type Position,
  type Properties,
  type Reason,
  type ShardMap,
  type Value,
} from '@halfsecond/protocol'
export type { Client } from './client.ts'
export { connect, connectOver } from './connect.ts'
export type { Counters } from './counters.ts'
export type { Decision, Proposition, Recorded } from './decision.ts'
export type { Identifiers } from './identifiers.ts'
export type { KnownProfile } from './known-profile.ts'
export type { LinkOptions } from './links.ts'
export type { ClientOptions } from './options.ts'
export type { OutcomeOptions } from './outcome-options.ts'
export type { NewRecord, RecordOptions } from './recorder.ts'
export type { Accepted } from './spread.ts'
export type { Transport } from './transport.ts'
export type { DecideOptions, Visitor } from './visitor.ts'
