import { type OutcomeRecord, parseIdentifier, ulid } from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { learnedPlacements } from '../../../src/core/learning/learned-placement.ts'
import { makeVersion } from '../../../src/core/learning/make-version.ts'
import type { ShardStatistics } from '../../../src/core/learning/statistics.ts'
import { latestOf, summed } from '../../../src/core/learning/summed-statistics.ts'
import { decodeVersion, encodeVersion } from '../../../src/core/learning/version-codec.ts'
import { cellsMax } from '../../../src/core/learning/version-plan.ts'
import { foldVersion } from '../../../src/core/shard/shard-state.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryModels } from '../../../src/memory/memory-models.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ModelPublisher } from '../../../src/runtime/learning/publisher.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { resultOf } from '../../support/learned.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'
import { batch, ownBatch, start } from '../../support/records.ts'

const shards = 2
const withinMs = 60_000
const playbook = compilePlaybook(`
playbook: shop
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: none, learn: { on: click, within: 1m, halfLife: 1h } }
offers:
  boots: { treatments: { banner: boots } }
  shoes: { treatments: { banner: shoes } }
`)
const lesson = `click ${withinMs} 3600000`

interface Entry {
  readonly bytes: Uint8Array
  readonly at: number
  readonly own: boolean
}

/** What happens next. Times are how far the clock moves before it. */
type Step =
  | {
      readonly kind: 'outcome'
      readonly shard: number
      readonly offer: string
      readonly bucket: string
      readonly outcome: 'display' | 'click'
      readonly decided: number
      readonly ms: number
    }
  | { readonly kind: 'tick'; readonly shard: number; readonly ms: number }
  /** Another node leads a shard. */
  | { readonly kind: 'lead'; readonly shard: number }
  /** A replica is lost, and made again of the log; one that was behind has caught up then. */
  | { readonly kind: 'replay'; readonly shard: number; readonly replica: number }
  /** A node looks, and asks one or the other replica of each shard. */
  | { readonly kind: 'look'; readonly node: number; readonly replicas: readonly number[] }

/** Logs, two replicas of each, and two nodes of which either may hold the lease. */
class World {
  readonly models = new MemoryModels({ now: () => this.now })
  readonly logs: Entry[][] = Array.from({ length: shards }, () => [])
  private now = start
  private readonly replicas: BareShard[][]
  private readonly epochs: number[] = []
  private readonly publishers: readonly ModelPublisher[]
  private asked: readonly number[] = []
  private count = 0
  private own = 0

  constructor() {
    this.replicas = this.logs.map((_, shard) => [replayed(shard, []), replayed(shard, [])])
    this.logs.forEach((_, shard) => {
      this.lead(shard)
      this.write(shard, { kind: 'barrier', epoch: 1, foldVersion })
    })
    this.publishers = [0, 1].map(
      () =>
        new ModelPublisher({
          isActive: () => true,
          active: () => ({ version: 1, playbook }),
          shards,
          statisticsOf: async (shard) => this.statistics(shard),
          models: this.models,
          trainers: [],
          clock: new ManualClock(),
          observer: new QuietObserver(),
        }),
    )
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'outcome':
        this.now += step.ms
        this.tell(step)
        return
      case 'tick':
        this.now += step.ms
        // A time that jumps has to be said twice.
        for (let i = 0; i < 2; i++)
          this.write(step.shard, {
            kind: 'tick',
            epoch: this.epoch(step.shard),
            wall: this.now + i,
          })
        return
      case 'lead':
        this.lead(step.shard)
        return
      case 'replay':
        this.replay(step.shard, step.replica)
        return
      case 'look':
        this.asked = step.replicas
        await this.publishers[step.node]?.look()
    }
  }

  private tell({ shard, offer, bucket, outcome, decided }: Step & { kind: 'outcome' }): void {
    const n = ++this.count
    const at = this.now - decided
    const record: OutcomeRecord = {
      kind: 'outcome',
      id: `o${n}`,
      key: parseIdentifier(`anon:v${n % 3}`),
      at,
      // One of a few decisions, so that a click may follow a display.
      decision: ulid(start + (n % 4) * 1_000, () => new Uint8Array(10).fill(n % 4)),
      placement: 'hero',
      offer,
      treatment: 'banner',
      outcome,
      trial: `${lesson} ${bucket}`,
    }
    this.append(shard, batch(`shop${shard}`, n, [record]), false)
  }

  private lead(shard: number): void {
    const epoch = (this.epochs[shard] ?? 0) + 1
    this.epochs[shard] = epoch
    this.write(shard, { kind: 'primary', epoch, node: `n${epoch}` })
  }

  private epoch(shard: number): number {
    return this.epochs[shard] ?? 0
  }

  private write(shard: number, record: Parameters<typeof ownBatch>[2]): void {
    this.append(shard, ownBatch(this.epoch(shard), ++this.own, record), true)
  }

  /** The second replica is behind until it is made anew. */
  private append(shard: number, bytes: Uint8Array, own: boolean): void {
    this.logs[shard]?.push({ bytes, at: this.now, own })
    this.replicas[shard]?.[0]?.take(bytes, this.now, own)
  }

  private replay(shard: number, replica: number): void {
    const log = this.logs[shard] ?? []
    this.replicas[shard]?.splice(replica, 1, replayed(shard, log))
  }

  private statistics(shard: number): ShardStatistics {
    const replica = this.replicas[shard]?.[this.asked[shard] ?? 0]
    if (replica === undefined) throw new Error('each shard has two replicas')
    return counted(shard, replica)
  }
}

function replayed(shard: number, log: readonly Entry[]): BareShard {
  const replica = new BareShard(shard, shards)
  for (const { bytes, at, own } of log) replica.take(bytes, at, own)
  return replica
}

function counted(shard: number, { state }: BareShard): ShardStatistics {
  const { applied, statistics, time } = state
  return { shard, position: applied, ...statistics.settled(time.now) }
}

/** What the logs make of it, up to these positions. */
function recomputed(logs: readonly (readonly Entry[])[], positions: readonly number[]): Uint8Array {
  const all = logs.map((log, shard) =>
    counted(shard, replayed(shard, log.slice(0, positions[shard]))),
  )
  const made = { at: latestOf(all), positions, playbook: 1 }
  const placements = learnedPlacements(playbook)
  const sums = resultOf(summed(all))
  const input = { made, placements, sums, trained: new Map(), cells: cellsMax }
  return encodeVersion(resultOf(makeVersion(input)))
}

const shard = fc.nat({ max: shards - 1 })
const ms = fc.oneof(fc.nat({ max: 30_000 }), fc.constant(3_600_000))
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('outcome' as const),
      shard,
      offer: fc.constantFrom('boots', 'shoes', 'gone'),
      bucket: fc.constantFrom('', 'gold'),
      outcome: fc.constantFrom('display' as const, 'click' as const),
      decided: fc.nat({ max: 120_000 }),
      ms,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tick' as const), shard, ms }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lead' as const), shard }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('replay' as const),
      shard,
      replica: fc.nat({ max: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      node: fc.nat({ max: 1 }),
      replicas: fc.array(fc.nat({ max: 1 }), { minLength: shards, maxLength: shards }),
    }),
  },
)

test('losing replicas and moving primaries changes no model version’s content: the logs up to its positions make it again', async () => {
  let versions = 0
  let learnt = 0
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { minLength: 20, maxLength: 60 }), async (steps) => {
      const world = new World()
      for (const step of steps) await world.take(step)
      for (let version = 1; ; version++) {
        const stored = await world.models.at(version)
        if (stored === undefined) return
        const { made, placements } = decodeVersion(stored.bytes)

        const again = recomputed(world.logs, made.positions)
        expect(Buffer.compare(again, stored.bytes)).toBe(0)

        versions++
        if (placements[0]?.arms.some(({ anywhere }) => anywhere.trials > 0)) learnt++
      }
    }),
    { numRuns: 60 },
  )
  // Histories in which nothing was learnt would prove nothing.
  expect(versions).toBeGreaterThan(60)
  expect(learnt).toBeGreaterThan(20)
})
