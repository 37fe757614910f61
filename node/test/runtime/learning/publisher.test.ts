import { describe, expect, it, vi } from 'vitest'
import type { ShardStatistics } from '../../../src/core/learning/statistics.ts'
import { decodeVersion, encodeVersion } from '../../../src/core/learning/version-codec.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryModels } from '../../../src/memory/memory-models.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ModelPublisher, modelEveryMs } from '../../../src/runtime/learning/publisher.ts'
import {
  beliefKeptMs,
  type Trainer,
  trainEveryMs,
  trainingMs,
} from '../../../src/runtime/learning/trainer.ts'
import { systemClock } from '../../../src/system/system-clock.ts'
import { cell } from '../../support/learned.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'

function playbookOf(learn: string) {
  return compilePlaybook(`
playbook: shop
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: none${learn} }
offers:
  boots: { treatments: { banner: boots } }
  shoes: { treatments: { banner: shoes } }
`)
}

class World {
  readonly clock: ManualClock = new ManualClock()
  readonly observer = new QuietObserver()
  readonly models = new MemoryModels(systemClock)
  readonly statistics: ShardStatistics[] = [0, 1].map((shard) => ({
    shard,
    position: 10,
    at: 0,
    cells: [cell('hero', 'boots', '', 100, 10)],
  }))
  /** Shards that nobody answers for. */
  readonly away = new Set<number>()
  isActive = true
  playbook = { version: 1, playbook: playbookOf(', learn: click') }
  asked = 0

  publisher(trainers: readonly Trainer[] = []): ModelPublisher {
    return new ModelPublisher({
      isActive: () => this.isActive,
      active: () => this.playbook,
      shards: this.statistics.length,
      statisticsOf: async (shard) => {
        this.asked++
        const statistics = this.statistics[shard]
        if (statistics === undefined || this.away.has(shard)) throw new Error('nobody')
        return statistics
      },
      models: this.models,
      trainers,
      clock: this.clock,
      observer: this.observer,
    })
  }

  count(shard: number, trials: number, rewards: number): void {
    const cells = [cell('hero', 'boots', '', trials, rewards)]
    this.statistics[shard] = { shard, position: 11, at: 0, cells }
  }

  async newest() {
    const stored = await this.models.newest()
    return stored && { version: stored.version, ...decodeVersion(stored.bytes) }
  }
}

describe('the publisher of models', () => {
  it('publishes what all shards counted together, every ten seconds', async () => {
    const world = new World()
    const publisher = world.publisher()

    world.clock.advance(modelEveryMs)
    await vi.waitFor(async () => expect(await world.newest()).toBeDefined(), 20_000)

    const newest = await world.newest()
    expect(newest).toMatchObject({ version: 1, made: { positions: [10, 10], playbook: 1 } })
    expect(newest?.placements[0]?.arms[0]).toMatchObject({
      offer: 'boots',
      anywhere: { trials: 200, rewards: 20 },
    })
    await publisher.close()
  })

  it('publishes nothing while nothing else was learnt, though positions move on', async () => {
    const world = new World()
    const publisher = world.publisher()

    expect(await publisher.look()).toBe(1)
    world.statistics.forEach((one, i) => {
      world.statistics[i] = { ...one, position: one.position + 5 }
    })
    expect(await publisher.look()).toBeUndefined()
    world.count(1, 300, 30)

    expect(await publisher.look()).toBe(2)
  })

  it('asks nobody where nothing learns, or where another node publishes', async () => {
    const world = new World()
    const publisher = world.publisher()
    world.isActive = false
    await publisher.look()
    world.isActive = true
    world.playbook = { version: 2, playbook: playbookOf('') }

    await publisher.look()

    expect(world.asked).toBe(0)
    expect(await world.newest()).toBeUndefined()
  })

  it('leaves out a round in which a shard cannot be asked, and counts it', async () => {
    const world = new World()
    const publisher = world.publisher()
    world.away.add(1)

    expect(await publisher.look()).toBeUndefined()
    expect(world.observer.modelFailures).toEqual(['statistics'])
    world.away.delete(1)

    expect(await publisher.look()).toBe(1)
  })

  it('goes on where models cannot be reached for a while', async () => {
    const world = new World()
    const publisher = world.publisher()
    world.models.isReachable = false

    expect(await publisher.look()).toBeUndefined()
    expect(world.observer.modelFailures).toEqual(['publication'])
    world.models.isReachable = true

    expect(await publisher.look()).toBe(1)
  })

  it('gives each number one content, though two nodes believe to hold the lease', async () => {
    const world = new World()
    const one = world.publisher()
    const other = world.publisher()

    const made = await Promise.all([one.look(), other.look()])

    expect(made.filter((version) => version === 1)).toHaveLength(1)
    expect((await world.newest())?.version).toBe(1)
  })

  it('replaces a version that it cannot read', async () => {
    const world = new World()
    await world.models.publish(1, Buffer.from('of another time'))

    expect(await world.publisher().look()).toBe(2)
  })

  it('has fewer beliefs where names are too long for a message, and says so', async () => {
    const world = new World()
    const cells = Array.from({ length: 1_500 }, (_, i) =>
      cell('hero', 'boots', `${'ü'.repeat(400)}${i}`, 1 + i, 1),
    )
    world.statistics[0] = { shard: 0, position: 10, at: 0, cells }

    expect(await world.publisher().look()).toBe(1)

    const newest = await world.newest()
    expect(newest && encodeVersion(newest).length).toBeLessThan(900 * 1024)
    expect(newest?.placements[0]?.buckets.length).toBeGreaterThan(100)
    expect(world.observer.notes).toEqual([expect.stringContaining('fewer beliefs')])
  })
})

describe('a trainer', () => {
  const learn = ', learn: { on: click, trainer: logistic }'
  const belief = { kind: 'beta', alpha: 900, beta: 100 } as const
  const believed = new Map([
    ['hero', [{ offer: 'boots', treatment: 'banner', bucket: undefined, belief }]],
  ])

  function taught(train: Trainer['train']) {
    const world = new World()
    world.playbook = { version: 1, playbook: playbookOf(learn) }
    const publisher = world.publisher([{ name: 'logistic', train }])
    const look = async () => {
      await publisher.look()
      const placement = (await world.newest())?.placements[0]
      return { trainer: placement?.trainer, belief: placement?.arms[0]?.anywhere.belief }
    }
    return { world, look }
  }

  it('has its beliefs in the version after it has learnt, and nobody waits for it', async () => {
    const { look } = taught(async () => believed)

    expect((await look()).trainer).toBe('bandit')
    expect(await look()).toEqual({ trainer: 'logistic', belief })
  })

  it('leaves the beliefs of the bandit where it fails, and is asked again', async () => {
    let calls = 0
    const { world, look } = taught(async () => {
      if (++calls === 1) throw new Error('no convergence')
      return believed
    })

    await look()
    expect((await look()).trainer).toBe('bandit')
    expect(world.observer.modelFailures).toEqual(['trainer'])
    world.clock.advance(trainEveryMs)
    await look()

    expect((await look()).trainer).toBe('logistic')
  })

  it('is given up where it takes too long, and is not asked twice at once', async () => {
    const held = Promise.withResolvers<typeof believed>()
    let calls = 0
    const { world, look } = taught(() => {
      calls++
      return held.promise
    })

    await look()
    world.clock.advance(trainingMs)
    world.clock.advance(trainEveryMs)
    await look()
    expect(calls).toBe(1)
    held.resolve(believed)
    await held.promise

    expect((await look()).trainer).toBe('bandit')
    expect(world.observer.modelFailures).toEqual(['trainer'])
  })

  it('is not believed any more long after it has learnt last', async () => {
    let calls = 0
    const { world, look } = taught(async () => {
      if (++calls > 1) throw new Error('it broke')
      return believed
    })
    await look()
    expect((await look()).trainer).toBe('logistic')

    world.clock.advance(beliefKeptMs + 1)

    expect((await look()).trainer).toBe('bandit')
  })
})
