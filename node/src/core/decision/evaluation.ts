import type { Item } from '../catalogue/catalogue.ts'
import type { Scope, Truth } from '../condition/compile.ts'
import type { FeatureState } from '../features/feature-state.ts'
import type { Registers, TraitValue } from '../fragment/registers.ts'
import type { Calendar } from './calendar.ts'
import type { Exposure, Profile } from './decide.ts'
import type { LimitScope } from './limits.ts'
import type { Placement, Playbook } from './playbook.ts'

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
  private readonly playbook: Playbook
  /** 0 false, 1 true, or one of the two above. */
  private readonly facts: Uint8Array
  /** By feature: exposures that it does not count yet. Null: none. */
  private exposed: Map<number, number> | null = null

  constructor(profile: Profile, playbook: Playbook, calendar: Calendar, now: number) {
    this.traits = profile.traits
    this.consents = profile.consents
    this.features = profile.features
    this.calendar = calendar
    this.now = now
    this.playbook = playbook
    this.facts = new Uint8Array(playbook.facts.length).fill(unasked)
    const zone = profile.traits?.get('zone')?.value
    this.zone = typeof zone === 'string' ? zone : playbook.zone
  }

  /** Facts may read the placement, so they are asked again at each. */
  at(placement: Placement): void {
    this.channel = placement.channel
    this.placement = placement.name
    this.facts.fill(unasked)
  }

  /** A display of it will come, or will not: until then it counts as one. */
  expose({ placement, offer }: Exposure): void {
    this.exposed ??= new Map()
    for (const index of this.features.set.ofOutcome('display', offer, placement))
      this.exposed.set(index, (this.exposed.get(index) ?? 0) + 1)
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
}
