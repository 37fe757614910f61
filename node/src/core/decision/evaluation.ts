import type { Item } from '../catalogue/catalogue.ts'
import type { Scope, Truth } from '../condition/compile.ts'
import type { FeatureState } from '../features/feature-state.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import type { Calendar } from './calendar.ts'
import type { DecideRequest, Exposure, Profile } from './decide.ts'
import type { LimitScope } from './limits.ts'
import type { Placement, Playbook } from './playbook.ts'

const nothing: readonly Exposure[] = []
/** What else was given, and by whom. */
type Given = Omit<DecideRequest, 'placements' | 'now'>

const nothingGiven: Given = { exposures: nothing }

const unasked = 2
const unknown = 3

/** What conditions and limits read, for one person at one moment. Facts are evaluated once. */
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
  /** Exposures that may have been given elsewhere. */
  readonly unseen: 0 | 1
  private readonly playbook: Playbook
  private readonly refused: readonly Exposure[]
  /** 0 false, 1 true, or one of the two above. */
  private readonly facts: Uint8Array
  /** By feature: exposures that it does not count yet. Null: none. */
  private exposed: Map<number, number> | null = null

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
    this.facts = new Uint8Array(playbook.facts.length).fill(unasked)
    const zone = profile.traits?.get('zone')?.value
    this.zone = typeof zone === 'string' ? zone : playbook.zone
    this.unseen = isPrimary ? 0 : 1
    this.refused = refused
    for (const exposure of exposures) this.expose(exposure)
  }

  /** Facts may read the placement, so they are asked again at each. */
  at(placement: Placement): void {
    this.channel = placement.channel
    this.placement = placement.name
    this.facts.fill(unasked)
  }

  /** A display of it will come, or will not: until then it counts as one; its grant likewise. */
  expose({ placement, offer, known }: Exposure): void {
    const { displays, grants } = this.features.set.ofExposure(offer, placement)
    if (known !== 'displayed' && known !== 'repeated') this.count(displays, 1)
    if (known !== 'granted') this.count(grants, known === 'repeated' ? -1 : 1)
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

  fact(index: number): Truth {
    const known = this.facts[index]
    if (known === 0) return false
    if (known === 1) return true
    if (known === unknown) return undefined
    const truth = this.playbook.facts[index]?.condition.test(this)
    this.facts[index] = truth === undefined ? unknown : truth ? 1 : 0
    return truth
  }

  allFacts(): Truth[] {
    return this.playbook.facts.map((_fact, index) => this.fact(index))
  }

  private count(features: readonly number[], by: number): void {
    this.exposed ??= new Map()
    for (const index of features) this.exposed.set(index, (this.exposed.get(index) ?? 0) + by)
  }
}
