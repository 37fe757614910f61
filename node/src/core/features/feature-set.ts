import { type EventRecord, encode, type Properties } from '@halfsecond/protocol'
import { hash64Hex } from '../digest.ts'
import type { Said } from '../fragment/said.ts'

/**
 * A feature keeps the newest `capacity` times at which something happened: all that a window, a
 * cap or "the last time" asks for, exactly, in bounded memory. It is a function of the timeline,
 * never of when it was declared. A predicate reads one event and constants, nothing else.
 */
export type Feature = EventFeature | OutcomeFeature | SketchFeature

export interface EventFeature {
  readonly kind: 'event'
  /** Undefined: every event. */
  readonly event: string | undefined
  /** Undefined (unknown) does not match. */
  readonly matches?: (properties: Properties) => boolean | undefined
  readonly capacity: number
  /** Names the feature in stored rows: equal text means equal times. */
  readonly text: string
}

export type Scope = 'offer' | 'group' | 'placement' | 'channel' | 'all'

/** What limits count: what became of an offer, or, where they are strict, that it was given. */
export type Counted = Said | 'grant'

export interface OutcomeFeature {
  readonly kind: 'outcome'
  readonly outcome: Counted
  readonly scope: Scope
  /** Which offer, group, placement or channel; empty for `all`. */
  readonly of: string
  readonly capacity: number
  /** Also keep the last time at which `max` of them lay within `withinMs`: when a pause began. */
  readonly reach?: { readonly max: number; readonly withinMs: number }
  readonly text: string
}

/** What needs more than the times of events: `sketch.ts` has the classes of the forms. */
export interface SketchFeature {
  readonly kind: 'sketch'
  readonly form:
    | 'recent-values'
    | 'recent-texts'
    | 'different-values'
    | 'decayed-sum'
    | 'newest-event'
    | 'time-span'
    | 'recent-items'
  /** Events that it looks at; undefined: every event. */
  readonly events: readonly string[] | undefined
  /** Outcomes that it looks at: those about the items of a template. */
  readonly items?: {
    readonly outcome: Counted
    readonly template: string
    readonly reach?: OutcomeFeature['reach']
  }
  /** What it takes from one of them; undefined: nothing, the event does not count. */
  readonly take: (record: EventRecord) => string | number | undefined
  /** Most events, or values, that it keeps. */
  readonly capacity: number
  /** Of decayed sums; else 0. */
  readonly halfLifeMs: number
  readonly text: string
}

/** Counts beyond this are not distinguished: N of "the newest N" stays bounded. */
export const capacityMax = 1_024

/** What one playbook wants to know of every profile. Features are named by their index. */
export class FeatureSet {
  readonly features: readonly Feature[]
  /** Hash of all that the features are: equal means that stored states can be taken over. */
  readonly id: string
  /** Whether any limit is strict. */
  readonly isStrict: boolean
  private readonly byEvent = new Map<string, number[]>()
  private readonly ofEveryEvent: number[] = []
  private readonly byOutcome = new Map<string, number[]>()
  /** By outcome and template. */
  private readonly ofItems = new Map<string, number[]>()
  private readonly groups: ReadonlyMap<string, string>
  private readonly channels: ReadonlyMap<string, string>
  private readonly later: ReadonlySet<string>
  private readonly exposures = new Map<string, Exposed>()

  /**
   * @param groups offer, or template of offers → its group
   * @param channels placement → its channel
   * @param later placements whose content is displayed later: there a grant counts as the display
   */
  constructor(
    features: readonly Feature[],
    groups: ReadonlyMap<string, string>,
    channels: ReadonlyMap<string, string>,
    later: ReadonlySet<string> = new Set(),
  ) {
    this.features = features
    this.groups = groups
    this.channels = channels
    this.later = later
    features.forEach((feature, index) => {
      if (feature.kind === 'event') this.looksAt(feature.event, index)
      else if (feature.kind === 'sketch') {
        for (const event of feature.events ?? [undefined]) this.looksAt(event, index)
        const { items } = feature
        if (items !== undefined) push(this.ofItems, `${items.outcome} ${items.template}`, index)
      } else push(this.byOutcome, outcomeKey(feature.outcome, feature.scope, feature.of), index)
    })
    this.isStrict = features.some(isOfGrants)
    for (const indexes of this.byEvent.values()) indexes.push(...this.ofEveryEvent)
    const described = features.map((feature) => `${feature.text} newest ${feature.capacity}`)
    const usesGroups = features.some((one) => one.kind === 'outcome' && one.scope === 'group')
    const usesChannels = features.some((one) => one.kind === 'outcome' && one.scope === 'channel')
    if (usesGroups) for (const [offer, group] of groups) described.push(`${offer} in ${group}`)
    if (usesChannels)
      for (const [name, channel] of channels) described.push(`${name} on ${channel}`)
    for (const name of later) described.push(`${name} is displayed later`)
    this.id = hash64Hex(encode(described))
  }

  ofEvent(record: EventRecord): readonly number[] {
    return this.byEvent.get(record.name) ?? this.ofEveryEvent
  }

  /**
   * The features that count this outcome of an offer at a placement. Where content is displayed
   * later, its grant was the display.
   */
  ofOutcome(outcome: Said, offer: string, placement: string): readonly number[] {
    if (outcome === 'display' && this.later.has(placement)) return none
    return this.counting(outcome, offer, placement)
  }

  /** The features that count that an offer was given at a placement. */
  ofGrant(offer: string, placement: string): readonly number[] {
    const strict = this.counting('grant', offer, placement)
    return this.later.has(placement)
      ? [...this.counting('display', offer, placement), ...strict]
      : strict
  }

  /** The features that will count an offer that is given at a placement. */
  ofExposure(offer: string, placement: string): Exposed {
    const key = `${placement} ${offer}`
    let exposed = this.exposures.get(key)
    if (exposed === undefined) {
      exposed = {
        displays: this.ofOutcome('display', offer, placement),
        grants: this.ofGrant(offer, placement),
        isStrict: this.counting('grant', offer, placement).length > 0,
      }
      if (this.exposures.size === exposuresKept) this.exposures.clear()
      this.exposures.set(key, exposed)
    }
    return exposed
  }

  private counting(outcome: Counted, offer: string, placement: string): readonly number[] {
    const indexes: number[] = []
    const collect = (scope: Scope, of: string | undefined) => {
      if (of !== undefined)
        indexes.push(...(this.byOutcome.get(outcomeKey(outcome, scope, of)) ?? none))
    }
    collect('offer', offer)
    const template = templateOf(offer)
    if (template !== undefined)
      indexes.push(...(this.ofItems.get(`${outcome} ${template}`) ?? none))
    collect('group', this.groups.get(offer) ?? this.groups.get(template ?? ''))
    collect('placement', placement)
    collect('channel', this.channels.get(placement))
    collect('all', '')
    return indexes
  }

  /** The offers, or placements, that a scope takes together; undefined where it names one, or all. */
  membersOf(scope: Scope, of: string): ReadonlySet<string> | undefined {
    const wholes = scope === 'group' ? this.groups : scope === 'channel' ? this.channels : undefined
    if (wholes === undefined) return undefined
    return new Set([...wholes].flatMap(([member, whole]) => (whole === of ? [member] : [])))
  }

  /** Whether what is shown at a placement is displayed later; undefined for a placement that is unknown. */
  isLaterAt(placement: string): boolean | undefined {
    return this.channels.has(placement) ? this.later.has(placement) : undefined
  }

  /** The placements that there are. */
  get placements(): Iterable<string> {
    return this.channels.keys()
  }

  /** Whether a feature counts the items of a template, each by itself. */
  isOfItems(index: number): boolean {
    return this.features[index]?.kind === 'sketch'
  }

  private looksAt(event: string | undefined, index: number): void {
    if (event === undefined) this.ofEveryEvent.push(index)
    else push(this.byEvent, event, index)
  }
}

const none: readonly number[] = []

function isOfGrants(feature: Feature): boolean {
  switch (feature.kind) {
    case 'outcome':
      return feature.outcome === 'grant'
    case 'sketch':
      return feature.items?.outcome === 'grant'
    case 'event':
      return false
  }
}

/** Pairs of an offer and a placement that were given lately: each is worked out once. */
const exposuresKept = 16_384

/** Features that will count what was given. */
export interface Exposed {
  /** Once it is displayed. */
  readonly displays: readonly number[]
  /** Once the log has it. */
  readonly grants: readonly number[]
  /** Whether any of these is of a strict limit: then nothing is shown before the log has it. */
  readonly isStrict: boolean
}

/** What stands between the name of a template and the id of an item. */
const itemMark = '/'

/** The offer that a template makes of an item. */
export function offerOfItem(template: string, item: string): string {
  return `${template}${itemMark}${item}`
}

/** The template that an offer may be made by. */
export function templateOf(offer: string): string | undefined {
  const mark = offer.indexOf(itemMark)
  return mark < 0 ? undefined : offer.slice(0, mark)
}

function outcomeKey(outcome: Counted, scope: Scope, of: string): string {
  return `${outcome} ${scope} ${of}`
}

function push(index: Map<string, number[]>, key: string, value: number): void {
  const list = index.get(key)
  if (list) list.push(value)
  else index.set(key, [value])
}
