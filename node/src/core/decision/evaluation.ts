import type { Item } from '../catalogue/catalogue.ts'
import type { Scope, Truth } from '../condition/compile.ts'
import type { FactorName } from '../condition/expression.ts'
import type { FeatureState } from '../features/feature-state.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import type { Calendar, CalendarUnit } from './calendar.ts'
import type { DecideRequest, Exposure, Profile } from './decide.ts'
import { ItemScope } from './item-scope.ts'
import type { LimitScope } from './limits.ts'
import { preferredLocales } from './locale.ts'
import { periodStart, zoneIn } from './period.ts'
import type { Condition, Context, Group, Placement, Playbook } from './playbook.ts'

const nothing: readonly Exposure[] = []
const noArms: readonly string[] = []
/** What else was given, and by whom. */
type Given = Omit<DecideRequest, 'placements' | 'now'>

const nothingGiven: Given = { exposures: nothing }

type Periods = { [unit in CalendarUnit]: number | undefined }

type Factors = { [name in FactorName]: number }

/** What is remembered of a condition, in one byte. */
const unasked = 0
const isFalse = 1
const isTrue = 2
const isUnknown = 3

/**
 * What conditions, formulas and limits read, for one person at one moment. What several candidates
 * share is evaluated once: facts, contexts, rules of groups, and when periods began.
 */
export class Evaluation implements Scope, LimitScope {
  readonly traits: Registers<TraitValue> | null
  readonly consents: Registers<boolean> | null
  readonly features: FeatureState
  readonly calendar: Calendar
  readonly now: number
  readonly zone: string
  channel = ''
  placement = ''
  item: Item | null = null
  /** `experiment=arm`, at the placement that is decided. */
  arms: readonly string[] = noArms
  /** Exposures that may have been given elsewhere. */
  readonly unseen: 0 | 1
  private readonly playbook: Playbook
  private readonly refused: readonly Exposure[]
  /** Of facts, then of contexts, then of groups: one array for all, since most decisions are short. */
  private readonly known: Uint8Array
  private readonly firstContext: number
  private readonly firstGroup: number
  private periods: Periods | null = null
  private ranked: Factors | null = null
  private knownLocales: readonly string[] | undefined
  /** By feature: exposures that it does not count yet. Null: none. */
  private exposed: Map<number, number> | null = null
  private exposedItems: Map<string, number> | null = null
  private itemScope: ItemScope | undefined

  constructor(
    profile: Profile,
    playbook: Playbook,
    calendar: Calendar,
    now: number,
    { exposures, isPrimary = true, refused = nothing }: Given = nothingGiven,
  ) {
    this.traits = profile.traits
    this.consents = profile.consents
    this.features = profile.features
    this.calendar = calendar
    this.now = now
    this.playbook = playbook
    this.firstContext = playbook.facts.length
    this.firstGroup = this.firstContext + playbook.contexts.length
    this.known = new Uint8Array(this.firstGroup + playbook.groups.length)
    this.zone = zoneIn(profile.traits?.get('zone')?.value, playbook.zone)
    this.unseen = isPrimary ? 0 : 1
    this.refused = refused
    for (const exposure of exposures) this.expose(exposure)
  }

  /** Conditions may read the placement, so they are asked again at each. */
  at(placement: Placement, arms: readonly string[]): void {
    this.channel = placement.channel
    this.placement = placement.name
    this.arms = arms
    this.known.fill(unasked)
  }

  /** A display of it will come, or will not: until then it counts as one; its grant likewise. */
  expose({ placement, offer, known }: Exposure): void {
    const { displays, grants } = this.features.set.ofExposure(offer, placement)
    if (known !== 'displayed' && known !== 'repeated') this.count(displays, offer, 1)
    if (known !== 'granted') this.count(grants, offer, known === 'repeated' ? -1 : 1)
  }

  /** Why what would need a grant cannot have one; undefined where nothing is in the way. */
  ungranted(offer: string): 'standby' | 'refused' | undefined {
    const { set } = this.features
    if (!set.isStrict || (this.unseen === 0 && this.refused.length === 0)) return undefined
    const { placement } = this
    if (!set.ofExposure(offer, placement).isStrict) return undefined
    if (this.unseen > 0) return 'standby'
    const isRefused = this.refused.some((one) => one.offer === offer && one.placement === placement)
    return isRefused ? 'refused' : undefined
  }

  exposures(feature: number): number {
    return this.exposed?.get(feature) ?? 0
  }

  /** What the limits of an item read, until the next one is asked about. */
  limitsOf(offer: string): LimitScope {
    this.itemScope ??= new ItemScope(this)
    this.itemScope.offer = offer
    return this.itemScope
  }

  /** As `exposures`, of one item, by a feature that counts all items of its template. */
  itemExposures(feature: number, offer: string): number {
    return this.exposedItems?.get(itemKey(feature, offer)) ?? 0
  }

  periodStart(unit: CalendarUnit): number {
    this.periods ??= { day: undefined, week: undefined, month: undefined }
    const known = this.periods[unit]
    if (known !== undefined) return known
    const zone = this.traits?.get('zone')
    const start = periodStart(unit, this.now, zone, this.playbook.zone, this.calendar)
    this.periods[unit] = start
    return start
  }

  fact(index: number): Truth {
    return this.once(index, this.playbook.facts[index]?.condition)
  }

  /** The person's arm of an experiment that runs where it is asked; else undefined. */
  arm(experiment: string): string | undefined {
    const start = `${experiment}=`
    return this.arms.find((one) => one.startsWith(start))?.slice(start.length)
  }

  allFacts(): Truth[] {
    return this.playbook.facts.map((_fact, index) => this.fact(index))
  }

  context({ index, condition }: Context): Truth {
    return this.once(this.firstContext + index, condition)
  }

  /** What keeps a group's offers out. */
  groupNever({ index, never }: Group): Truth {
    return never === undefined ? false : this.once(this.firstGroup + index, never)
  }

  /** Of the candidate that is ranked; one object for all, so that ranking allocates nothing. */
  get factors(): Factors {
    this.ranked ??= { propensity: 1, context: 1, value: 1, weight: 1, priority: 0 }
    return this.ranked
  }

  /** Of the visitor, the one that fits best first. */
  get locales(): readonly string[] {
    this.knownLocales ??= preferredLocales(this.traits?.get('locale')?.value)
    return this.knownLocales
  }

  private once(place: number, condition: Condition | undefined): Truth {
    const known = this.known[place]
    if (known === isFalse) return false
    if (known === isTrue) return true
    if (known === isUnknown) return undefined
    const truth = condition?.test(this)
    this.known[place] = truth === undefined ? isUnknown : truth ? isTrue : isFalse
    return truth
  }

  private count(features: readonly number[], offer: string, by: number): void {
    for (const index of features) {
      if (this.features.set.isOfItems(index)) {
        this.exposedItems ??= new Map()
        const key = itemKey(index, offer)
        this.exposedItems.set(key, (this.exposedItems.get(key) ?? 0) + by)
      } else {
        this.exposed ??= new Map()
        this.exposed.set(index, (this.exposed.get(index) ?? 0) + by)
      }
    }
  }
}

function itemKey(feature: number, offer: string): string {
  return `${feature} ${offer}`
}
