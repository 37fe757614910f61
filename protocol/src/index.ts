export { fromBase64url, toBase64url } from './base64url.ts'
export {
  type Batch,
  batchOverhead,
  type DecodedBatch,
  decodeBatch,
  encodeBatch,
  sizeFault,
  wireVersion,
} from './batch.ts'
export { bounds } from './bounds.ts'
export { decode, decodeTrusted, encode } from './codec.ts'
export {
  type ErrorCode,
  HalfsecondError,
  isErrorCode,
  retryableByCode,
  toHalfsecondError,
} from './errors.ts'
export {
  compareFragmentIds,
  epochOf,
  type FragmentId,
  fragmentIdOf,
  fragmentName,
  identifierIn,
  isFragmentId,
} from './fragment-id.ts'
export { guard, type Limits, Spans } from './guard.ts'
export {
  builtInNamespaces,
  canonicalValue,
  compareIdentifiers,
  evenBlocked,
  greatest,
  type Identifier,
  type IdentifierClass,
  identifierFault,
  identifierOf,
  isIdentifier,
  type Namespace,
  type Namespaces,
  namespaceOf,
  namespacePattern,
  parseIdentifier,
  valuePart,
} from './identifier.ts'
export { ulid, ulidTime } from './ids.ts'
export {
  type NatsAddress,
  type NatsLogin,
  parseNatsAddress,
  withoutCredentials,
} from './nats-address.ts'
export { fnv1a32, shardOf } from './partition.ts'
export {
  exportPositions,
  importPositions,
  isWirePosition,
  type Position,
  toWire,
  type WirePosition,
} from './position.ts'
export { isFields, isProperties, propertiesFault } from './properties.ts'
export { parsePublishAck } from './publish-ack.ts'
export {
  type Answer,
  type AnswerFrame,
  type AwaitAnswer,
  type AwaitQuestion,
  type DecideAnswer,
  type DecideQuestion,
  decodeAnswers,
  type ErrorAnswer,
  errorAnswer,
  type Freshness,
  type KnownTrait,
  type PlacementAnswer,
  type PlacementError,
  type ProfileAnswer,
  type ProfileQuestion,
  parseAnswers,
  parseQuestions,
  type Question,
  type QuestionFrame,
  type Reason,
  reasons,
  type WireError,
  type WireProposition,
} from './questions.ts'
export {
  type BarrierRecord,
  type ChannelKind,
  type ChannelRecord,
  type ConsentRecord,
  type CopyRecord,
  cancel,
  channelKinds,
  type EdgeRecord,
  type ErasedRecord,
  type EraseRecord,
  type EventRecord,
  type ExpireRecord,
  type GoneRecord,
  type GrantLimit,
  type GrantRecord,
  type GrantScope,
  type IdentityRecord,
  type JudgeRecord,
  type LinkRecord,
  type LogoutRecord,
  type OutboxRecord,
  type Outcome,
  type OutcomeRecord,
  type OwnRecord,
  outcomes,
  type PlaybookRecord,
  type PrimaryOwnRecord,
  type PrimaryRecord,
  type Properties,
  type RefuseRecord,
  reservedNames,
  type SegmentRecord,
  type SentRecord,
  type SpreadRecord,
  type Strength,
  strengths,
  type TickRecord,
  type TraitsRecord,
  type TriggeredDecision,
  type UnlinkRecord,
  type Value,
} from './records.ts'
export {
  type ConsentMode,
  isShardCount,
  namespacesOf,
  parseShardMap,
  type ShardEntry,
  type ShardMap,
} from './shard-map.ts'
export { nodeIdPattern, subjects } from './subjects.ts'
export { compareUtf8, printable } from './text.ts'
export {
  idFault,
  isChannelRecord,
  isOutboxRecord,
  isOutcome,
  isOwnRecord,
  isPrimaryOwnRecord,
  isTime,
  nameFault,
  recordFault,
} from './validate.ts'
