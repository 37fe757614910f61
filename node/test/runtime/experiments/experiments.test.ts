import { HalfsecondError } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { questionOf } from '../../../src/core/learning/experiment-facts.ts'
import { dayMs, noExperimentSums } from '../../../src/core/learning/experiment-sums.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import {
  askedOf,
  experimentReadIn,
  questionIn,
} from '../../../src/runtime/experiments/experiment-messages.ts'
import { Experiments } from '../../../src/runtime/experiments/experiments.ts'
import type { ReadRequest } from '../../../src/runtime/reads.ts'
import { heroOrder, sumsOf } from '../../support/experiments.ts'

const now = heroOrder.starts + 9 * dayMs

const playbook: Playbook = {
  ...compilePlaybook(
    'playbook: shop\nconsent: { personalise: assumed }\nplacements: { home: { channel: web, format: banner, fallback: {} } }\noffers: {}',
  ),
  experiments: [heroOrder],
}

function experiments(read: (request: ReadRequest) => AsyncIterable<Uint8Array>, of = playbook) {
  const profiles = {
    each: () => {
      throw new HalfsecondError('MOVED', 'not here')
    },
    peek: () => {
      throw new HalfsecondError('MOVED', 'not here')
    },
  }
  return new Experiments({
    shards: 4,
    profiles,
    read,
    playbook: () => of,
    reach: async (_, control) => [{ arm: 'ours', changed: control.length, same: 12, notKnown: 1 }],
    clock: { now: () => now },
  })
}

async function* answering(value: object): AsyncGenerator<Uint8Array> {
  yield Buffer.from('\n')
  yield Buffer.from(`${JSON.stringify(value)}\n`)
}

describe('a report of an experiment', () => {
  it('is of the sums of all shards', async () => {
    const asked: ReadRequest[] = []
    const report = await experiments((request) => {
      asked.push(request)
      return answering(
        'shard' in request && request.shard % 2 === 0
          ? sumsOf('ours', 10, 3)
          : sumsOf('none', 5, 1),
      )
    }).report('hero-order')

    expect(asked.map((one) => ('shard' in one ? one.shard : -1)).sort()).toEqual([0, 1, 2, 3])
    expect(report).toMatchObject({
      at: now,
      seen: 30,
      arms: [
        { people: 20, reach: { share: 0.25, of: 16, notKnown: 1 } },
        { people: 10, reach: undefined },
        { people: 0, reach: { share: undefined, of: 0, notKnown: 0 } },
      ],
      measures: [{ arms: [{ did: 6 }, { did: 2 }, { did: 0 }] }, {}],
    })
  })

  it('is refused where a shard does not say, and the others are not asked any more', async () => {
    let asked = 0
    const failing = experiments(async function* () {
      asked++
      yield* answering({})
      throw new HalfsecondError('UNAVAILABLE', 'no node holds it')
    })

    await expect(failing.report('hero-order')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(asked).toBe(2)
  })

  it('is refused of what the playbook does not have, with what it has', async () => {
    const all = experiments(() => answering(noExperimentSums))

    await expect(all.report('hero')).rejects.toThrow(
      'no experiment "hero" in the playbook; there is hero-order',
    )
    await expect(all.report('hero-order', 'best')).rejects.toThrow(
      'no arm "best"; there are ours, none, any',
    )
    const none = experiments(() => answering(noExperimentSums), { ...playbook, experiments: [] })
    await expect(none.report('hero')).rejects.toThrow('there are none')
  })

  it('waits for none of more than two that are being made', async () => {
    const gates: (() => void)[] = []
    const slow = experiments(async function* () {
      await new Promise<void>((open) => gates.push(open))
      yield* answering(noExperimentSums)
    })
    const first = [slow.report('hero-order'), slow.report('hero-order')]

    await expect(slow.report('hero-order')).rejects.toMatchObject({ code: 'OVERLOADED' })
    let isDone = false
    const done = Promise.all(first).then(() => {
      isDone = true
    })
    while (!isDone) {
      for (const open of gates.splice(0)) open()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await done
    expect(slow.all()).toEqual([heroOrder])
  })
})

describe('what nodes ask each other of an experiment', () => {
  it('is what was asked, whether or not it is open', () => {
    for (const experiment of [
      heroOrder,
      { ...heroOrder, starts: Number.NEGATIVE_INFINITY, ends: now },
    ]) {
      const question = questionOf(experiment, now)
      const request = { what: 'experimentSums', shard: 3, ...askedOf(question) }
      const read = experimentReadIn(JSON.parse(JSON.stringify(request)))

      expect(read).toEqual(request)
      expect(read && questionIn(read)).toEqual(question)
    }
  })

  it('is refused where it is no such thing', () => {
    const fine = {
      what: 'experimentFacts',
      shard: 0,
      ids: ['anon:a'],
      ...askedOf(questionOf(heroOrder, now)),
    }

    expect(experimentReadIn(fine)).toBeDefined()
    for (const wrong of [
      { shard: -1 },
      { now: 'now' },
      { measures: ['outcome 7 applause'] },
      { measures: ['event x order'] },
      { measures: Array.from({ length: 40 }, () => 'event 7 order') },
      { ids: 'anon:a' },
      { ids: Array.from({ length: 300 }, (_, i) => `anon:${i}`) },
      { what: 'experiment' },
    ])
      expect(experimentReadIn({ ...fine, ...wrong }), JSON.stringify(wrong)).toBeUndefined()
  })
})
