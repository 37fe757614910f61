import {
  type Identifier,
  identifierOf,
  type OutcomeRecord,
  parseIdentifier,
  shardOf,
} from '@halfsecond/protocol'
import { type DecideRequest, decide, type Profile } from '../../node/src/core/decision/decide.ts'
import type { Placement, Playbook } from '../../node/src/core/decision/playbook.ts'
import { profileOf } from '../../node/src/core/decision/profile.ts'
import { learnedPlacements } from '../../node/src/core/learning/learned-placement.ts'
import { makeVersion } from '../../node/src/core/learning/make-version.ts'
import { type Model, noModel } from '../../node/src/core/learning/model.ts'
import type { ModelVersion } from '../../node/src/core/learning/model-version.ts'
import { summed } from '../../node/src/core/learning/summed-statistics.ts'
import { cellsMax } from '../../node/src/core/learning/version-plan.ts'
import { VersionedModel } from '../../node/src/core/learning/versioned-model.ts'
import { foldVersion } from '../../node/src/core/shard/shard-state.ts'
import { compilePlaybook } from '../../node/src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../node/src/system/zone-calendar.ts'
import { BareShard } from '../../node/test/support/bare-shard.ts'
import { batch, ownBatch } from '../../node/test/support/records.ts'
import type { Chooser, Chosen, Told } from './shop.ts'
import { resultOf } from './steps.ts'

/** Of a placement's `learn:`; what is left out has the playbook's own default. */
export interface LearnerOptions {
  readonly arms: readonly string[]
  readonly kinds: readonly string[]
  readonly halfLife?: string
  readonly explore?: number
  /** Logs that outcomes are spread over. */
  readonly shards?: number
}

/** Outcomes in an entry of a log, at most. */
const batchMax = 50

/** Visitors come back: so many are known, and what they did before is kept. */
const visitors = 2_000

/**
 * What a cluster does of it, without its machines: the decision, the fold of outcomes by shard, and the
 * version that is made of the shards' statistics.
 */
export class Learner implements Chooser {
  model: Model = noModel
  /** What `model` is of. */
  version: ModelVersion | undefined
  private readonly playbook: Playbook
  private readonly placement: Placement
  private readonly arms: ReadonlyMap<string, number>
  private readonly profiles: ReadonlyMap<string, Profile>
  private readonly shards: readonly Shard[]
  private readonly awaited = new Map<string, OutcomeRecord>()
  private made = 0

  constructor({ arms, kinds, halfLife, explore, shards = 2 }: LearnerOptions) {
    const learn = { on: 'click', by: ['traits.kind'], halfLife, explore }
    this.playbook = playbookOf(arms, learn)
    const placement = this.playbook.placements.get('hero')
    if (placement === undefined) throw new Error('the shop has a hero')
    this.placement = placement
    this.arms = new Map(arms.map((name, arm) => [name, arm]))
    this.profiles = new Map(kinds.map((kind) => [kind, profileOfKind(kind, this.playbook)]))
    this.shards = Array.from({ length: shards }, (_, number) => new Shard(number, shards))
  }

  choose(kind: string, decision: string, atMs: number): Chosen {
    const profile = this.profiles.get(kind)
    if (profile === undefined) throw new Error(`nobody knows the kind ${kind}`)
    const request: DecideRequest = {
      placements: [this.placement],
      now: atMs,
      exposures: [],
      seed: decision,
      model: this.model,
    }
    const [proposition] = decide(profile, request, this.playbook, calendar)[0]?.propositions ?? []
    const { offer = '', treatment = '', probability, trial } = proposition ?? {}
    const arm = this.arms.get(offer)
    if (arm === undefined || trial === undefined || probability === undefined)
      throw new Error('a shop always shows an offer, and learns from it')
    const key = identifierOf('anon', `v${++this.made % visitors}`)
    const placement = this.placement.name
    const common = { kind: 'outcome', id: decision, key, at: atMs, decision, placement } as const
    this.awaited.set(decision, { ...common, offer, treatment, outcome: 'display', trial })
    return { arm, probability }
  }

  hear({ decision, outcome, atMs }: Told): void {
    const shown = this.awaited.get(decision)
    if (shown === undefined) return
    const record = { ...shown, id: `${decision}.${outcome}`, outcome, at: atMs }
    this.shardOf(record.key).add(record)
  }

  learn(atMs: number): void {
    for (const shard of this.shards) shard.flush(atMs)
    const counted = this.shards.map((shard) => shard.counted())
    const placements = learnedPlacements(this.playbook)
    const made = {
      at: Math.max(...counted.map(({ at }) => at)),
      positions: counted.map(({ position }) => position),
      playbook: 1,
    }
    const sums = resultOf(summed(counted))
    const input = { made, placements, sums, trained: new Map(), cells: cellsMax }
    this.version = resultOf(makeVersion(input))
    this.model = new VersionedModel(this.model.version + 1, this.version)
    for (const [decision, { at }] of this.awaited) {
      if (at > atMs - forgetMs) break
      this.awaited.delete(decision)
    }
  }

  private shardOf(key: Identifier): Shard {
    const shard = this.shards[shardOf(key, this.shards.length)]
    if (shard === undefined) throw new Error('every identifier has a home')
    return shard
  }
}

/** The latest clicks of a simulated shop come hours after their decision. */
const forgetMs = 86_400_000

const calendar = new ZoneCalendar()

/** A shard with its log, whose entries come when they are full. */
class Shard {
  private readonly number: number
  private readonly fold: BareShard
  private waiting: OutcomeRecord[] = []
  private next = 1
  private ticks = 2

  constructor(number: number, shards: number) {
    this.number = number
    this.fold = new BareShard(number, shards)
    this.fold.take(ownBatch(1, 1, { kind: 'primary', epoch: 1, node: 'n' }), 0, true)
    this.fold.take(ownBatch(1, 2, { kind: 'barrier', epoch: 1, foldVersion }), 0, true)
  }

  add(record: OutcomeRecord): void {
    if (this.waiting.push(record) >= batchMax) this.append()
  }

  /** All that was told is folded, and the shard's time is this. */
  flush(atMs: number): void {
    if (this.waiting.length > 0) this.append()
    // A time that jumps has to be said twice.
    for (let i = 0; i < 2; i++) {
      const tick = { kind: 'tick', epoch: 1, wall: atMs + i } as const
      this.fold.take(ownBatch(1, ++this.ticks, tick), atMs + i, true)
    }
  }

  counted() {
    const { applied, statistics, time } = this.fold.state
    return { shard: this.number, position: applied, ...statistics.settled(time.now) }
  }

  private append(): void {
    const at = this.waiting[this.waiting.length - 1]?.at ?? 0
    this.fold.take(batch('shop', this.next, this.waiting), at)
    this.next += this.waiting.length
    this.waiting = []
  }
}

function playbookOf(arms: readonly string[], learn: object): Playbook {
  const offers = arms.map((name) => [name, { treatments: { banner: {} } }])
  return compilePlaybook(
    JSON.stringify({
      playbook: 'shop',
      consent: { personalise: 'assumed' },
      traits: { kind: { type: 'string' } },
      placements: { hero: { channel: 'web', format: 'banner', fallback: {}, learn } },
      offers: Object.fromEntries(offers),
    }),
  )
}

function profileOfKind(kind: string, { features }: Playbook): Profile {
  const shard = new BareShard()
  const key = parseIdentifier(`anon:${kind}`)
  const record = { kind: 'traits', id: 'kind', key, at: 1, set: { kind }, unset: [] }
  shard.take(batch('shop', 1, [record]), 1)
  return profileOf(shard.activate(key), features, [], 1, shard)
}
