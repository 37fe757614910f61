import type { Client } from '@halfsecond/client'
import type {
  FragmentId,
  Identifier,
  Namespaces,
  Position,
  ShardMap,
  Value,
} from '@halfsecond/protocol'
import type { TokenKeys } from '@halfsecond/protocol/token'
import type { Explanation } from '../core/decision/explanation.ts'
import type { ProfileView, SourceView } from '../core/profile-view.ts'
import type { CatalogueOperations } from './catalogues/catalogue-operations.ts'
import type { Operations } from './cluster/operations.ts'
import type { PastDecisions } from './decisions/past-decisions.ts'
import type { Publisher } from './decisions/publisher.ts'
import type { WebhookOperations } from './delivery/webhooks.ts'
import type { Erasures } from './erase/erasures.ts'
import type { Experiments } from './experiments/experiments.ts'
import type { IdentityOperations } from './identity/identity-operations.ts'
import type { JoinedDecisions } from './learning/joined-decisions.ts'
import type { ModelVersions } from './learning/model-versions.ts'
import type { Signals } from './ports.ts'
import type { Reader, ReadRequest } from './reads.ts'

/** What operators see of the cluster and do to it, whichever node they ask. */
export type ClusterOperations = Pick<
  Operations,
  'view' | 'intend' | 'move' | 'plan' | 'apply' | 'cancel'
>

/** What operators do with identity configurations, whichever node they ask. */
export type IdentityOperating = Pick<
  IdentityOperations,
  'current' | 'versions' | 'plan' | 'apply' | 'planRevert' | 'revert'
>

/** What operators do with catalogues, whichever node they ask. */
export type CatalogueOperating = Pick<
  CatalogueOperations,
  'putPiece' | 'put' | 'versions' | 'stored'
>

/** What operators see of erases and do about them, whichever node they ask. */
export type ErasureOperations = Pick<Erasures, 'plan' | 'receipt' | 'expunge' | 'expunging'>

/** What authors do with playbooks, whichever node they ask. */
export type Publishing = Pick<Publisher, 'publish' | 'rollback' | 'versions' | 'at'>

/** All that the doors of a node ask of it, whichever wire they speak. Implemented by `node.ts`. */
export interface NodeApi extends Reader {
  readonly id: string
  readonly namespaces: Namespaces
  /** Signs and checks the tokens of propositions. */
  readonly tokenKeys: TokenKeys
  /** Records and decides through this node: the node is the producer. */
  readonly client: Client
  /** What other systems are told of profiles, of all shards. */
  readonly signals: Pick<Signals, 'read'>
  /** What was decided once, by the token that came of it. */
  readonly past: Pick<PastDecisions, 'explain' | 'verify'>
  /** What was decided, each with what became of it; of all shards. */
  readonly joined: Pick<JoinedDecisions, 'read'>
  /** What was learnt, version by version. */
  readonly versions: Pick<ModelVersions, 'list' | 'show'>
  /** Where signals are sent to, and what became of them. */
  readonly webhooks: WebhookOperations
  map(): ShardMap
  /**
   * Appends a channel's batch unchanged, after every record of it was validated.
   * Rejects with `MALFORMED`, `TOO_LARGE`, `INVALID`, `LOG_FULL`, `TIMEOUT` or `UNAVAILABLE`.
   */
  publish(shard: number, batch: Uint8Array): Promise<Position>
  /** Answers a frame of questions. Never throws: failures are answers. */
  answerFrame(frame: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** As `answerFrame`, by a node of the map. Rejects with `UNAVAILABLE` or `TIMEOUT`. */
  ask(node: string, frame: Uint8Array, timeoutMs: number): Uint8Array | Promise<Uint8Array>
  health(): Health
  /** The shards that this node holds, in the order of their numbers. */
  replicas(): readonly ReplicaView[]
  readonly operations: ClusterOperations
  readonly catalogues: CatalogueOperating
  /** What experiments say, whichever node is asked. */
  readonly experiments: Pick<Experiments, 'all' | 'report' | 'read'>
  readonly erasures: ErasureOperations
  readonly identity: IdentityOperating
  /**
   * What people ask about visitors, as JSON text: from here where the shard is here, else from a
   * node that holds it. Rejects with `UNAVAILABLE` where there is none, before or in the middle.
   */
  read(request: ReadRequest): AsyncIterable<Uint8Array>
  /** Everything that is known here of a fragment; undefined where nothing is. */
  profile(identifier: FragmentId, newest?: number): Promise<ProfileView | undefined>
  /** Every profile of the shards held here, in no order, read in pieces. A profile that changes meanwhile comes once. */
  profiles(): AsyncIterable<ProfileView>
  /** As `profiles`, of one shard. */
  profilesOf(shard: number): AsyncIterable<ProfileView>
  /** What a source has set on each fragment of a shard, and is not overwritten by another. */
  traitsOf(shard: number, source: string): AsyncIterable<SourceView>
  /**
   * What would be shown now, and why; changes nothing.
   * @param placements decided together, as in one answer; where undefined, each of the playbook's by itself
   * Rejects with `UNKNOWN_PLACEMENT`, `MOVED` or `UNAVAILABLE`.
   */
  explain(
    identifiers: readonly Identifier[],
    placements?: readonly string[],
  ): Promise<readonly Explanation[]>
  readonly publishing: Publishing
  /**
   * Checks a playbook and makes it the active one on every shard, durably, without trying it first.
   * Rejects with a `PlaybookError` that lists every fault; then the version before stays active.
   */
  publishPlaybook(text: string): Promise<ActivePlaybook>
  /** The playbook that decides; undefined before the first was published. */
  playbook(): (ActivePlaybook & { readonly text: string }) | undefined
  /** Default content by placement, for the clients' defaults file. */
  defaults(): { readonly [placement: string]: Value }
}

/** One shard as this node holds it. */
export interface ReplicaView {
  readonly shard: number
  readonly status: string
  /** Last log entry that is folded. */
  readonly applied: number
  /** Last log entry that a restart need not fold again. */
  readonly flushed: number
  /** Sum over all facts: equal on every replica that has folded the same entries. */
  readonly digest: string
}

export interface ActivePlaybook {
  readonly version: number
  readonly hash: string
  /** The playbook's own name. */
  readonly name: string
}

/** How a node is. `ready` nodes answer decides; others should get no traffic. */
export interface Health {
  readonly ready: boolean
  /** Why it is not ready, or what does not work although it is; one sentence each. */
  readonly problems: readonly string[]
  readonly shards: {
    readonly total: number
    readonly following: number
    readonly fresh: number
  }
  /** Whether the log can be written to, as far as is known. */
  readonly logReachable: boolean
}
