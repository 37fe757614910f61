import type { TokenKeys } from '@halfsecond/protocol/token'
import type { PlaybookTexts } from './catalogues/playbook-compiler.ts'
import type { Place } from './cluster/cluster.ts'
import type { Authoring } from './decisions/publication.ts'
import type { Postman, Webhook } from './delivery/webhook.ts'
import type { ParseIdentity } from './identity/identity.ts'
import type {
  Bus,
  Calendar,
  Clock,
  Coordination,
  Decisions,
  Erased,
  Log,
  Models,
  Observer,
  Random,
  Signals,
  Store,
} from './ports.ts'

/** What a node is made of. */
export interface EngineDependencies {
  readonly id: string
  readonly tokenKeys: TokenKeys
  readonly place: Place
  /** Bytes that actors may take in memory. */
  readonly memoryBytes: number
  readonly log: Log
  readonly signals: Signals
  readonly decisions: Decisions
  readonly models: Models
  readonly store: Store
  readonly coordination: Coordination
  readonly erased: Erased
  readonly retentionMs?: number | undefined
  readonly bus: Bus
  readonly clock: Clock
  readonly calendar: Calendar
  readonly random: Random
  readonly observer: Observer
  readonly texts: PlaybookTexts
  readonly author: Authoring
  readonly hash: (content: string | Uint8Array) => string
  readonly parseIdentity: ParseIdentity
  /** Where other systems listen for signals. */
  readonly webhooks: readonly Webhook[]
  readonly postman: Postman
}
