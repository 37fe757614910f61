import type { Outcome, Value } from '@halfsecond/protocol'
import type { Shows } from '../core/decision/playbook.ts'
import type { Reward } from '../core/learning/trial.ts'

/** A playbook as its author wrote it, after the schema: `playbook.schema.json` says the same. */
export interface PlaybookSource {
  readonly playbook: string
  readonly zone?: string
  readonly consent?: { readonly personalise?: 'required' | 'assumed' }
  readonly events?: { readonly [event: string]: { readonly [property: string]: SourceType } }
  readonly traits?: {
    readonly [trait: string]: { readonly type: SourceType; readonly default?: unknown }
  }
  readonly profile?: { readonly [channel: string]: readonly string[] }
  readonly facts?: { readonly [fact: string]: string }
  readonly catalogues?: { readonly [catalogue: string]: CatalogueSource }
  /** Catalogue → hash of the version that this text is bound to. */
  readonly catalogueVersions?: { readonly [catalogue: string]: string }
  readonly segments?: readonly string[]
  readonly triggers?: readonly TriggerSource[]
  readonly groups?: { readonly [group: string]: GroupSource }
  /** A formula over propensity, context, value, weight and priority. */
  readonly rank?: string
  readonly context?: readonly ContextSource[]
  readonly channels?: { readonly [channel: string]: ChannelSource }
  readonly placements: { readonly [placement: string]: PlacementSource }
  readonly offers?: { readonly [offer: string]: OfferSource }
  readonly experiments?: { readonly [experiment: string]: ExperimentSource }
  readonly tests?: readonly CaseSource[]
}

export interface CatalogueSource {
  readonly fields: { readonly [field: string]: SourceType }
  readonly examples?: readonly { readonly id: string; readonly [field: string]: unknown }[]
}

export interface TriggerSource {
  /** `entered(SEGMENT)`. */
  readonly when: string
  readonly at: string
}

/** What a playbook promises for one visitor. */
export interface CaseSource {
  readonly it: string
  /** Experiment → the arm that the visitor is in. In others they are not. */
  readonly arms?: { readonly [experiment: string]: string }
  readonly given: readonly GivenSource[]
  readonly then: readonly ThenSource[]
}

/** One of the four kinds; beside an event stand its properties, beside an outcome what it is about. */
export interface GivenSource {
  readonly visitor: string
  readonly ago?: string
  readonly traits?: Fields
  readonly event?: string
  readonly consent?: { readonly [purpose: string]: boolean }
  readonly outcome?: Outcome
  readonly [property: string]: unknown
}

type Fields = { readonly [name: string]: unknown }

export interface ThenSource {
  readonly at: string
  readonly offer?: string
  readonly never?: string
  readonly fallback?: true
}

export type SourceType = 'string' | 'double' | 'int' | 'bool' | 'list(string)' | 'list(double)'

export interface GroupSource {
  readonly weight?: number
  readonly never?: string
  readonly limits?: readonly LimitSource[]
}

/** Either of a group or of an offer. */
export interface ContextSource {
  readonly when: string
  readonly group?: string
  readonly offer?: string
  readonly times: number
}

export interface ChannelSource {
  /** `21:00-08:00`, of the visitor's day. */
  readonly quiet?: string
  readonly when?: string
}

export interface PlacementSource {
  readonly channel: string
  readonly format: string
  readonly rank?: string
  readonly count?: number
  readonly fallback: Value
  readonly token?: string
  readonly learn?: Reward | LearnSource
  readonly limits?: readonly LimitSource[]
}

/** How a placement learns; of what is absent the defaults of `compile-learning.ts` hold. */
export interface LearnSource {
  readonly on: Reward
  readonly within?: string
  readonly by?: readonly string[]
  readonly halfLife?: string
  readonly explore?: ShareSource
  readonly trainer?: 'bandit' | 'logistic'
}

/** `5%` or 0.05. */
export type ShareSource = number | string

export interface ExperimentSource {
  readonly at: readonly string[]
  readonly arms: { readonly [arm: string]: ShareSource | ArmSource }
  readonly measure: MeasureSource
  readonly guardrails?: readonly MeasureSource[]
  readonly starts?: string
  readonly ends?: string
}

export interface ArmSource {
  readonly share?: ShareSource
  readonly shows?: Shows
}

/** Either of an outcome or of an event. */
export interface MeasureSource {
  readonly on?: Outcome
  readonly event?: string
  readonly within?: string
}

export interface OfferSource {
  /** A catalogue: then there is an offer for each of its items that matches. */
  readonly from?: string
  readonly match?: string
  readonly group?: string
  readonly priority?: number
  /** A number, or a formula. */
  readonly value?: number | string
  readonly starts?: string
  readonly ends?: string
  readonly when?: string
  readonly never?: string
  readonly accepted?: AfterSource
  readonly rejected?: AfterSource
  readonly limits?: readonly LimitSource[]
  readonly treatments: { readonly [format: string]: Value }
  /** Language → format → content, instead of the treatment for who has that trait `locale`. */
  readonly locales?: { readonly [locale: string]: { readonly [format: string]: Value } }
}

export type AfterSource = 'retire' | 'allow' | { readonly pause: string }

export interface LimitSource {
  readonly on: Outcome
  readonly max: number
  readonly per: string
  readonly across?: 'offer' | 'group' | 'placement' | 'channel' | 'all'
  readonly pause?: string
  readonly strict?: boolean
}
