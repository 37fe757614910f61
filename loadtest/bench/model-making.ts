import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { Digest } from '../../node/src/core/digest.ts'
import { learnedPlacements } from '../../node/src/core/learning/learned-placement.ts'
import { beliefsIn } from '../../node/src/core/learning/model-version.ts'
import { decodeVersion } from '../../node/src/core/learning/version-codec.ts'
import { cellsMax } from '../../node/src/core/learning/version-plan.ts'
import { initialShardState } from '../../node/src/core/shard/shard-state.ts'
import { MemoryModels } from '../../node/src/memory/memory-models.ts'
import { ModelPublisher } from '../../node/src/runtime/learning/publisher.ts'
import { readStatistics, statisticsOf } from '../../node/src/runtime/learning/shard-statistics.ts'
import { linesOf } from '../../node/src/runtime/reads.ts'
import { SharedTurn } from '../../node/src/runtime/shared-turn.ts'
import { systemClock } from '../../node/src/system/system-clock.ts'
import { QuietObserver } from '../../node/test/support/quiet-observer.ts'
import { cpuMsOf, type Turns, turnsInWords, turnsOf } from '../lib/turns.ts'
import { playbookOf } from './decisions.ts'
import type { Run } from './run.ts'

const names = ['model-making-longest-turn', 'model-making-cpu']

/** As on NATS, all of them on one node: nothing of it is done by others. */
const shards = 64

/** Each in nine buckets and anywhere; the rest of the 2,048 beliefs are of offers and groups. */
const offers = 200
const buckets = 9

/** As the readers of profiles and statistics share. */
const turnMs = 1

/** The quickest is what it takes; others use the machine, too. */
const rounds = 5

const decidedAt = Date.UTC(2026, 10, 1)
const dayMs = 24 * 3_600_000

/** What a model version of as many beliefs as there may be costs the node that makes it. */
export async function modelMaking({ figures }: Pick<Run, 'figures'>, held = shards): Promise<void> {
  await figures.take(names, async () => {
    const playbook = learningPlaybook()
    const turn = new SharedTurn(systemClock, turnMs)
    const states = Array.from({ length: held }, (_, shard) => counted(shard, held, playbook))
    const models = new MemoryModels(systemClock)
    let version = 0
    const make = async () => {
      version++
      const publisher = new ModelPublisher({
        isActive: () => true,
        // Of another playbook each time, so that none is what was published last.
        active: () => ({ version, playbook }),
        shards: held,
        statisticsOf: (number) => {
          const state = states[number]
          const of = state && { number, state }
          return readStatistics(linesOf(statisticsOf(of, turn)))
        },
        models,
        trainers: [],
        clock: systemClock,
        observer: new QuietObserver(),
      })
      if ((await publisher.look()) !== version) throw new Error('no version was published')
      await publisher.close()
    }
    await make()
    const newest = await models.newest()
    const beliefs = newest ? beliefsIn(decodeVersion(newest.bytes)) : 0
    if (beliefs !== cellsMax) throw new Error(`a version of ${beliefs} beliefs`)
    const conditions = { beliefs: cellsMax, shards: held, cells: held * offers * buckets }
    const turns: Turns[] = []
    for (let i = 0; i < rounds; i++) turns.push(await turnsOf(make))
    const [quietest] = turns.sort((a, b) => a.longestMs - b.longestMs)
    if (quietest === undefined) throw new Error('there are rounds')
    figures.add({
      figure: 'model-making-longest-turn',
      value: quietest.longestMs,
      unit: 'ms',
      with: { ...conditions, ...turnsInWords(quietest) },
    })
    const cpu: number[] = []
    for (let i = 0; i < rounds; i++) cpu.push(await cpuMsOf(make))
    figures.add({
      figure: 'model-making-cpu',
      value: Math.min(...cpu),
      unit: 'ms',
      with: conditions,
    })
  })
}

function learningPlaybook(): Playbook {
  const learn = { on: 'click', by: ['traits.tier'] }
  const hero = { channel: 'web', format: 'banner', fallback: {}, learn }
  return playbookOf(offers, { placements: { hero } }, false)
}

/** A shard that has counted each arm in each bucket. */
function counted(shard: number, held: number, playbook: Playbook) {
  const state = initialShardState(shard, held, 1)
  const digest = new Digest()
  state.time.tick(decidedAt + dayMs, decidedAt + dayMs)
  for (const { name: placement, learning, arms } of learnedPlacements(playbook))
    for (const [i, { offer, treatment }] of arms.entries())
      for (let bucket = 0; bucket < buckets; bucket++) {
        const of = {
          lesson: learning.lesson,
          placement,
          offer,
          treatment,
          bucket: `tier-${bucket}`,
        }
        const isReward = (i + bucket + shard) % 20 === 0
        state.statistics.count(of, decidedAt, { isTrial: true, isReward }, decidedAt, digest)
      }
  return state
}
