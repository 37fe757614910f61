import { HalfsecondError } from '@halfsecond/protocol'
import { describe, expect, it, vi } from 'vitest'
import type { Choice } from '../../../src/core/decision/decide.ts'
import type { JoinedDecision } from '../../../src/core/learning/joined.ts'
import { learnedPlacements } from '../../../src/core/learning/learned-placement.ts'
import { trialText } from '../../../src/core/learning/trial.ts'
import { decodeVersion } from '../../../src/core/learning/version-codec.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryModels } from '../../../src/memory/memory-models.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import type { JoinedRange } from '../../../src/runtime/learning/joined-decisions.ts'
import { LogisticTrainer } from '../../../src/runtime/learning/logistic-trainer.ts'
import { ModelPublisher } from '../../../src/runtime/learning/publisher.ts'
import { trainingMs } from '../../../src/runtime/learning/trainer.ts'
import type { Clock } from '../../../src/runtime/ports.ts'
import { loggedWith } from '../../core/learning/logged-choices.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'

const playbook = compilePlaybook(`
playbook: shop
consent: { personalise: assumed }
traits: { tier: { type: string } }
placements:
  hero: { channel: web, format: banner, fallback: none, learn: { on: click, within: 30m, by: [traits.tier], trainer: logistic } }
offers:
  card: { treatments: { banner: card } }
  mug: { treatments: { banner: mug } }
`)
const placements = learnedPlacements(playbook)
const hero = playbook.placements.get('hero')
const second = 1_000
const minute = 60 * second
const day = 24 * 60 * minute
const start = Date.UTC(2026, 5, 27)

function decided(i: number, at: number): JoinedDecision {
  const offer = i % 2 === 0 ? 'card' : 'mug'
  const trial = trialText(hero?.learning?.lesson ?? '', i % 4 < 2 ? 'gold' : 'none')
  const propositions = [{ content: 'x', offer, treatment: 'banner', trial }]
  const choices: Choice[] = hero ? [{ placement: hero, reason: 'sampled', propositions }] : []
  const { entry } = loggedWith(choices, { playbook, at })
  const of = { placement: 'hero', offer }
  const display = { ...of, outcome: 'display', at: at + 1 } as const
  // Cards pay four times as much as mugs.
  const pays = (i >> 2) % (offer === 'card' ? 4 : 16) === 0
  const click = { ...of, outcome: 'click', at: at + 2 } as const
  return { entry, outcomes: pays ? [display, click] : [display] }
}

/** Decisions every 20 seconds, and who reads them. */
class Past {
  readonly clock = new ManualClock(start)
  readonly ranges: JoinedRange[] = []
  /** Called for each that is read. */
  onRead: () => void = () => {}
  private readonly all: readonly { readonly at: number; readonly one: JoinedDecision }[]

  constructor(forMs: number) {
    this.all = Array.from({ length: forMs / (20 * second) }, (_, i) => {
      const at = start + i * 20 * second
      return { at, one: decided(i, at) }
    })
  }

  async *read(range: JoinedRange): AsyncGenerator<JoinedDecision> {
    this.ranges.push(range)
    for (const { at, one } of this.all) {
      if (at < range.from || at > range.to) continue
      this.onRead()
      yield one
    }
  }

  /** Time stands still unless it is told to pass, but others have their turn. */
  get patient(): Clock {
    const { clock } = this
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (ms, run) => clock.after(ms, run),
      soon: (run) => setImmediate(run),
    }
  }

  trainer(): LogisticTrainer {
    return new LogisticTrainer({ joined: this, clock: this.patient })
  }
}

/** What was counted up to a time: as of the end of the hour. */
function inputAt(time: number) {
  return { placements, playbook: { version: 3, playbook }, at: time + 60 * minute }
}

describe('the logistic trainer', () => {
  it('believes of each arm and bucket what came of it', async () => {
    const beliefs = await new Past(day).trainer().train(inputAt(start + day))

    const hero = beliefs.get('hero') ?? []
    expect(hero.map(({ offer, bucket }) => `${offer} ${bucket}`).sort()).toEqual([
      'card gold',
      'card none',
      'mug gold',
      'mug none',
    ])
    const oddsOf = (offer: string) =>
      hero.flatMap((one) =>
        one.offer === offer && one.belief.kind === 'logit' ? [one.belief.mean] : [],
      )
    expect(Math.min(...oddsOf('card'))).toBeGreaterThan(Math.max(...oddsOf('mug')) + 1)
  })

  it('learns of decisions only when the time for a reward is over', async () => {
    const past = new Past(day)

    await past.trainer().train(inputAt(start + day))

    for (const { to } of past.ranges) expect(to).toBeLessThan(start + day - 30 * minute)
  })

  it('learns of what came since the statistics were counted', async () => {
    const past = new Past(day)
    past.clock.jump(day)

    const beliefs = await past.trainer().train(inputAt(start))

    expect(beliefs.get('hero')).toHaveLength(4)
  })

  it('reads the past once, and then what is new', async () => {
    const past = new Past(3 * day)
    const trainer = past.trainer()
    await trainer.train(inputAt(start + 2 * day))
    const first = past.ranges.length
    let read = 0
    past.onRead = () => {
      read++
    }

    const later = await trainer.train(inputAt(start + 2 * day + minute))

    expect(past.ranges.length).toBe(first + 1)
    // Three decisions of the minute, and those of the one before, which may have been logged late.
    expect(read).toBe(6)
    // Whoever reads all of it at once believes the same.
    const other = await new Past(3 * day).trainer().train(inputAt(start + 2 * day + minute))
    expect(later).toEqual(other)
  })

  it('makes do with the newest where there is no time for all, and goes on the next time', async () => {
    const past = new Past(2 * day)
    past.onRead = () => past.clock.advance(50)
    const trainer = past.trainer()

    const before = past.clock.monotonic()
    const some = await trainer.train(inputAt(start + 2 * day))
    const took = past.clock.monotonic() - before
    const reached = Math.min(...past.ranges.map(({ from }) => from))
    for (let i = 0; i < 40; i++) await trainer.train(inputAt(start + 2 * day))

    expect(took).toBeLessThan(trainingMs)
    expect(some.get('hero')).toBeDefined()
    expect(reached).toBeGreaterThan(start)
    expect(Math.min(...past.ranges.map(({ from }) => from))).toBeLessThanOrEqual(start)
  })

  it('rejects where the past cannot be read, and learns when it can be again', async () => {
    const past = new Past(day)
    const trainer = past.trainer()
    past.onRead = () => {
      throw new HalfsecondError('UNAVAILABLE', 'nobody answers')
    }
    await expect(trainer.train(inputAt(start + day))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    past.onRead = () => {}

    const beliefs = await trainer.train(inputAt(start + day + minute))

    expect(beliefs.get('hero')).toHaveLength(4)
  })

  it('has its beliefs published, and is named by the version', async () => {
    const past = new Past(day)
    const { clock } = past
    const models = new MemoryModels(clock)
    const at = start + day + 60 * minute
    const publisher = new ModelPublisher({
      isActive: () => true,
      active: () => ({ version: 3, playbook }),
      shards: 1,
      statisticsOf: async (shard) => ({ shard, position: 1, at, cells: [] }),
      models,
      trainers: [past.trainer()],
      clock: past.patient,
      observer: new QuietObserver(),
    })
    const published = async () => {
      await publisher.look()
      const newest = await models.newest()
      return newest && decodeVersion(newest.bytes).placements
    }

    expect(await published()).toMatchObject([{ placement: 'hero', trainer: 'bandit' }])
    await vi.waitFor(async () => {
      expect(await published()).toMatchObject([
        { placement: 'hero', trainer: 'logistic', buckets: ['gold', 'none'] },
      ])
    }, 20_000)
    const arms = (await published())?.[0]?.arms ?? []
    const meanOf = (offer: string) =>
      arms.find((arm) => arm.offer === offer)?.inBuckets[0]?.draws.reduce((sum, rate) => sum + rate)
    expect(meanOf('card')).toBeGreaterThan(2 * (meanOf('mug') ?? Number.NaN))
    await publisher.close()
  })

  it('leaves out a placement of which too little is known', async () => {
    const beliefs = await new Past(60 * minute).trainer().train(inputAt(start + 90 * minute))

    expect(beliefs.size).toBe(0)
  })
})
