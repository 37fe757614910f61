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

/** What became of content. The same (decision, placement, offer, outcome) again changes nothing. */
export interface OutcomeRecord extends Common {
  readonly kind: 'outcome'
  readonly decision: string
  readonly placement: string
  readonly offer: string
  readonly treatment: string
  readonly outcome: Outcome
}

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

/** What the primary of a shard writes: subject `hs.own.<shard>`. */
export type OwnRecord = PrimaryRecord | TickRecord | PlaybookRecord | BarrierRecord

/** Names of kinds that events may not take, those of later record kinds included. */
export const reservedNames: ReadonlySet<string> = new Set([
  ...channelKinds,
  ...outcomes,
  'primary',
  'tick',
  'playbook',
  'expire',
  'sent',
  'barrier',
  'edge',
  'copy',
  'gone',
  'refuse',
  'erased',
  'grant',
])
