import { describe, expect, it, vi } from 'vitest'
import { lessonText } from '../../../src/core/learning/trial.ts'
import { encodeVersion } from '../../../src/core/learning/version-codec.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryModels } from '../../../src/memory/memory-models.ts'
import { CurrentModel } from '../../../src/runtime/learning/current-model.ts'
import type { StoredModel } from '../../../src/runtime/ports.ts'
import { arm, cell, clickLesson, learned, madeOf } from '../../support/learned.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'

const lesson = lessonText(clickLesson)

function bytesOf(rewards: number): Uint8Array {
  const cells = [cell('hero', 'boots', '', 1_000, rewards)]
  return encodeVersion(
    madeOf([learned('hero', ['boots'])], [{ shard: 0, position: 1, at: 0, cells }]),
  )
}

function world() {
  const clock = new ManualClock()
  const observer = new QuietObserver()
  const models = new MemoryModels(clock)
  const current = new CurrentModel({ models, clock, observer })
  const rate = () => current.model.of('hero', lesson)?.drawsOf(arm('boots'), '').mean
  /** Until it has looked. */
  const settle = async (version: number) => {
    clock.advance(100)
    await vi.waitFor(() => expect(current.model.version).toBe(version), 20_000)
  }
  return { clock, observer, models, current, rate, settle }
}

describe('the model that a node decides by', () => {
  it('is none before the first, and then the newest, soon after it was published', async () => {
    const { models, current, rate, settle } = world()
    await current.start()
    expect(current.model.version).toBe(0)
    expect(rate()).toBeUndefined()

    await models.publish(1, bytesOf(100))
    await settle(1)
    expect(rate()).toBeCloseTo(0.1, 1)
    await models.publish(2, bytesOf(500))
    await settle(2)

    expect(rate()).toBeCloseTo(0.5, 1)
    expect(current.inUse).toMatchObject({ beliefs: 3 })
    await current.close()
  })

  it('is there when a node has started', async () => {
    const { models, current } = world()
    await models.publish(1, bytesOf(100))

    await current.start()

    expect(current.model.version).toBe(1)
    await current.close()
  })

  it('is found though nobody told of it', async () => {
    const { clock, models, current } = world()
    await current.start()
    const watch = vi.spyOn(models, 'watch')
    await current.close()
    watch.mockReturnValue({ close: () => {} })
    const deaf = new CurrentModel({ models, clock, observer: new QuietObserver() })
    await deaf.start()

    await models.publish(1, bytesOf(100))
    clock.advance(15_000)

    await vi.waitFor(() => expect(deaf.model.version).toBe(1), 20_000)
    await deaf.close()
  })

  it('stays the last that could be read where a version cannot, and is counted and said once', async () => {
    const { clock, observer, models, current, rate, settle } = world()
    await models.publish(1, bytesOf(100))
    await current.start()

    await models.publish(2, Buffer.from('of another time'))
    for (let i = 0; i < 3; i++) {
      clock.advance(15_000)
      await vi.waitFor(() => expect(observer.notes).toHaveLength(1), 20_000)
    }

    expect(current.model.version).toBe(1)
    expect(rate()).toBeCloseTo(0.1, 1)
    expect(observer.modelFailures).toEqual(['reading'])
    await models.publish(3, bytesOf(500))
    await settle(3)
    await current.close()
  })

  it('stays where models cannot be reached', async () => {
    const { clock, observer, models, current } = world()
    await models.publish(1, bytesOf(100))
    await current.start()
    models.isReachable = false

    clock.advance(15_000)
    await vi.waitFor(() => expect(observer.modelFailures).toEqual(['reading']), 20_000)

    expect(current.model.version).toBe(1)
    await current.close()
  })

  it('is looked for again soon where a node starts while models cannot be reached', async () => {
    const { clock, models, current } = world()
    await models.publish(1, bytesOf(100))
    models.isReachable = false
    await current.start()
    models.isReachable = true

    clock.advance(1_000)

    await vi.waitFor(() => expect(current.model.version).toBe(1))
    await current.close()
  })

  it('never goes back, unless all versions are gone and numbers begin anew', async () => {
    const { clock, current, models } = world()
    await current.close()
    const at: StoredModel[] = [
      { version: 7, publishedAt: 1_000, bytes: bytesOf(100) },
      { version: 6, publishedAt: 900, bytes: bytesOf(200) },
      { version: 1, publishedAt: 2_000, bytes: bytesOf(300) },
    ]
    let looks = 0
    const newest = () => Promise.resolve(at[looks++])
    const watch = models.watch.bind(models)
    const observer = new QuietObserver()
    const one = new CurrentModel({ models: { newest, watch }, clock, observer })

    await one.start()
    const versions = [one.model.version]
    for (let count = 2; count <= 3; count++) {
      await vi.waitFor(() => {
        clock.advance(15_000)
        expect(looks).toBe(count)
      }, 20_000)
      await Promise.resolve()
      versions.push(one.model.version)
    }

    expect(versions).toEqual([7, 7, 1])
    await one.close()
  })
})
