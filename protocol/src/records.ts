import type { FragmentId } from './fragment-id.ts'
import type { Identifier } from './identifier.ts'

/** What properties and traits may hold: plain data, finite numbers, at most four levels deep. */
export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | { readonly [name: string]: Value }
export type Properties = { readonly [name: string]: Value }

export const outcomes = ['display', 'click', 'accept', 'reject', 'dismiss', 'unsubscribe'] as const
export type Outcome = (typeof outcomes)[number]

/** What every record carries. */
interface Common {
  /** Unique within `key`: a record of the same id again changes nothing. */
  readonly id: string
  /** The identifier that the record is about; the greatest that the call named. */
  readonly key: Identifier
  /** When it happened, in milliseconds since 1970, by the sender's clock. */
  readonly at: number
  /** Number per producer and shard, where it is not the predecessor's plus one. */
  readonly n?: number
  /** The channel that observed it: `web`, `call`, … */
  readonly channel?: string
  /** The system that says so, where that is not the channel itself: `crm`, `import:customers.csv`. */
  readonly source?: string
}

export interface EventRecord extends Common {
  readonly kind: 'event'
  readonly name: string
  readonly properties: Properties
}

/** Lasting values. Each name keeps the value with the greatest (at, id), a removal included. */
export interface TraitsRecord extends Common {
  readonly kind: 'traits'
  readonly set: Properties
  readonly unset: readonly string[]
}

export const strengths = ['authenticated', 'asserted', 'observed'] as const
export type Strength = (typeof strengths)[number]

/** `key` and `to` are one person. Stored at the lower of the two, which is `key`. */
export interface LinkRecord extends Common {
  readonly kind: 'link'
  readonly to: Identifier
  readonly strength: Strength
}

export interface UnlinkRecord extends Common {
  readonly kind: 'unlink'
  readonly to: Identifier
}

/** Somebody logged out on this device. */
export interface LogoutRecord extends Common {
  readonly kind: 'logout'
}

/** What became of content. The same said again of (decision, placement, offer) changes nothing. */
export interface OutcomeRecord extends Common {
  readonly kind: 'outcome'
  readonly decision: string
  readonly placement: string
  readonly offer: string
  readonly treatment: string
  readonly outcome: Outcome
  /** Why, in a word of the channel's. A `reject` with the reason `cancel` takes an acceptance back. */
  readonly reason?: string
  /** Of an `unsubscribe`: from all offers of the offer's group. */
  readonly across?: 'group'
  /** What is learnt from it, as the token had it; absent where nobody learns. */
  readonly trial?: string
  /** Arms of experiments that the decision was made in, as the token had them: `experiment=arm`. */
  readonly arms?: readonly string[]
}

/** What an outcome about default content names as its offer and treatment: no offer may be called so. */
export const fallbackName = 'fallback'

/** The reason of a `reject` that takes an acceptance back. */
export const cancel = 'cancel'

export interface ConsentRecord extends Common {
  readonly kind: 'consent'
  readonly purpose: string
  readonly granted: boolean
}

export interface EraseRecord extends Common {
  readonly kind: 'erase'
  readonly eraseId: string
  readonly epoch?: number
}

/** What channels may write: subject `hs.log.<shard>`. */
export type ChannelRecord =
  | EventRecord
  | TraitsRecord
  | LinkRecord
  | UnlinkRecord
  | LogoutRecord
  | OutcomeRecord
  | ConsentRecord
  | EraseRecord

export type ChannelKind = ChannelRecord['kind']

export const channelKinds: readonly ChannelKind[] = [
  'event',
  'traits',
  'link',
  'unlink',
  'logout',
  'outcome',
  'consent',
  'erase',
]

/** A primary took the shard over; own records of an older epoch have no effect from here on. */
export interface PrimaryRecord {
  readonly kind: 'primary'
  readonly epoch: number
  readonly node: string
}

/** The primary's wall clock, which moves the shard's logical time. */
export interface TickRecord {
  readonly kind: 'tick'
  readonly epoch: number
  readonly wall: number
}

/** From here on the shard decides by this playbook version. */
export interface PlaybookRecord {
  readonly kind: 'playbook'
  readonly epoch: number
  readonly version: number
  readonly hash: string
}

/** From here on the shard is folded by these rules: every replica of it knows them. */
export interface BarrierRecord {
  readonly kind: 'barrier'
  readonly epoch: number
  readonly foldVersion: number
}

/** From here on identifiers are recognised by this version of the identity configuration. */
export interface IdentityRecord {
  readonly kind: 'identity'
  readonly epoch: number
  readonly version: number
  /** The configuration itself, as text: the fold needs it at once. */
  readonly text: string
}

/** What this shard had for another one is in that one's log up to this number. */
export interface SentRecord {
  readonly kind: 'sent'
  readonly epoch: number
  readonly destination: number
  readonly upTo: number
}

/** A fragment of this shard that was idle for too long is forgotten. */
export interface ExpireRecord {
  readonly kind: 'expire'
  readonly epoch: number
  readonly id: FragmentId
  /** Forgotten only if nothing was written to it after this time. */
  readonly idleSince: number
}

/** A root of this shard judges its profile anew, by the rules that are active now. */
export interface JudgeRecord {
  readonly kind: 'judge'
  readonly epoch: number
  readonly id: FragmentId
}

/** The root of a profile of this shard entered a segment, or left it. */
export interface SegmentRecord {
  readonly kind: 'segment'
  readonly epoch: number
  readonly id: FragmentId
  /** The name of the fact that is the segment. */
  readonly segment: string
  readonly isIn: boolean
  /** When it was found. */
  readonly at: number
  /** Sequence up to which the facts were known that it was found by. */
  readonly seen: number
  /** Version of the playbook that it was found by. */
  readonly playbook: number
  /** What entering it triggered; told only where this record counts. */
  readonly decisions: readonly TriggeredDecision[]
}

/** What was decided for somebody who did not ask: another system shows it. */
export interface TriggeredDecision {
  readonly decision: string
  readonly placement: string
  readonly offer: string
  readonly treatment: string
  /** As JSON text, however deep it is. */
  readonly content: string
  readonly token: string
}

/**
 * A proposition that counts because it was given, not because it was displayed: at the root `id`, as
 * of `at`. The same (decision, placement, offer) again changes nothing.
 */
export interface GrantRecord {
  readonly kind: 'grant'
  readonly epoch: number
  readonly id: FragmentId
  /** When it was decided, in milliseconds since 1970. */
  readonly at: number
  readonly decision: string
  readonly placement: string
  readonly offer: string
  /** Where the offer is in a group, so that limits across it count. */
  readonly group?: string
  readonly channel: string
  /** With what it is learnt from: its treatment, and what the token says of learning. */
  readonly treatment?: string
  readonly trial?: string
  /** As in the token. */
  readonly arms?: readonly string[]
  /** Strict limits that it must keep: without room in each of them it changes nothing. */
  readonly limits?: readonly GrantLimit[]
}

export const grantScopes = ['offer', 'group', 'placement', 'channel', 'all'] as const
export type GrantScope = (typeof grantScopes)[number]

/** Fewer than `max` grants after `since` may have the same offer, group, placement or channel. */
export interface GrantLimit {
  readonly scope: GrantScope
  readonly max: number
  /** Milliseconds since 1970; −1 for ever. */
  readonly since: number
}

/** What the primary of a shard writes, under an epoch that fences it. */
export type PrimaryOwnRecord =
  | PrimaryRecord
  | TickRecord
  | PlaybookRecord
  | BarrierRecord
  | IdentityRecord
  | SentRecord
  | ExpireRecord
  | JudgeRecord
  | SegmentRecord
  | GrantRecord

/** `from`, a lower fragment, is linked to `to`, directly or by way of others; since null: no more. */
export interface EdgeRecord {
  readonly kind: 'edge'
  readonly n: number
  readonly from: FragmentId
  readonly to: FragmentId
  readonly since: number | null
  /** The greatest that `from` is linked to, where that is not `to` itself. */
  readonly also: FragmentId | null
}

/** `from` hands the fragment `id`, its own or one below it, up to `to`. */
export interface CopyRecord {
  readonly kind: 'copy'
  readonly n: number
  readonly from: FragmentId
  readonly to: FragmentId
  readonly id: FragmentId
  /** The fragment without its timeline, ≤ 64 KiB. */
  readonly fragment: Uint8Array
}

/** `from` takes that copy back. */
export interface GoneRecord {
  readonly kind: 'gone'
  readonly n: number
  readonly from: FragmentId
  readonly to: FragmentId
  readonly id: FragmentId
}

/** A root found that a link joins nobody: `to`, its lower end, keeps it as refused. */
export interface RefuseRecord {
  readonly kind: 'refuse'
  readonly n: number
  readonly from: FragmentId
  readonly to: FragmentId
  /** The upper end of the link. */
  readonly upper: FragmentId
  readonly since: number
  /** Why, in words. */
  readonly reason: string
  /** It would break a limit, as far as the root saw. Absent: nobody's links join, or rules below 3. */
  readonly isOverLimit?: true
}

/**
 * A root found that a link that was over a limit lies within one profile: `to`, its lower end, holds
 * it as valid again. Rules 3 of folding.
 */
export interface ReinstateRecord {
  readonly kind: 'reinstate'
  readonly n: number
  readonly from: FragmentId
  readonly to: FragmentId
  /** The upper end of the link. */
  readonly upper: FragmentId
  readonly since: number
}

/**
 * `from`, a lower fragment, keeps a link to `to` that joins nobody: refused, not proven, or taken
 * back. So an erase of `to` must reach it. Rules 4 of folding.
 */
export interface MentionRecord {
  readonly kind: 'mention'
  readonly n: number
  readonly from: FragmentId
  readonly to: FragmentId
  /** When the link was told; null: it is not kept any more. */
  readonly at: number | null
}

/** An erase reaches a fragment that is linked to one that was erased, or that names it. */
export interface SpreadRecord {
  readonly kind: 'erase'
  readonly n: number
  readonly from: FragmentId
  readonly to: FragmentId
  readonly eraseId: string
  /** Links that are younger than this do not spread it. */
  readonly at: number
  /** Only where `to` itself holds such a link to `from`; one that joins nobody is forgotten. */
  readonly check: boolean
}

/** `from` and all that its erase spread to is erased. */
export interface ErasedRecord {
  readonly kind: 'erased'
  readonly n: number
  readonly from: FragmentId
  readonly to: FragmentId
  readonly eraseId: string
}

/** What one shard tells another: producer `outbox:<source shard>`, numbered per source and destination. */
export type OutboxRecord =
  | EdgeRecord
  | CopyRecord
  | GoneRecord
  | RefuseRecord
  | ReinstateRecord
  | MentionRecord
  | SpreadRecord
  | ErasedRecord

/** What nodes write: subject `hs.own.<shard>`. */
export type OwnRecord = PrimaryOwnRecord | OutboxRecord

/** Names of kinds that events may not take, those of later record kinds included. */
export const reservedNames: ReadonlySet<string> = new Set([
  ...channelKinds,
  ...outcomes,
  'primary',
  'tick',
  'playbook',
  'expire',
  'judge',
  'sent',
  'barrier',
  'edge',
  'copy',
  'gone',
  'refuse',
  'reinstate',
  'erased',
  'identity',
  'grant',
  'segment',
])
