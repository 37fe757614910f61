import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  entriesIn,
  readInSteps,
  readNewest,
  readTimeline,
} from '../../../src/core/fragment/timeline.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { anon, batch, event, start } from '../../support/records.ts'

const key = anon(1)
const end = start + 24 * 60 * 60_000

/** A fragment with an event at each of these times, told in this order. */
function fragmentWith(times: readonly number[]) {
  const shard = new BareShard()
  const events = times.map((ms, i) => event(key, `e${i}`, start + ms))
  shard.take(batch('p', 1, events), end)
  return { shard, fragment: shard.activate(key) }
}

describe('a timeline that is read in steps', () => {
  it('is the one from when it was begun, whatever is written meanwhile', () => {
    const { shard, fragment } = fragmentWith(Array.from({ length: 3_000 }, (_, i) => (i * 7) % 999))
    const whole = readTimeline(fragment, shard)

    const steps = readInSteps(fragment, shard)
    let count = 0
    let step = steps.next()
    for (; step.done !== true; step = steps.next()) {
      const more = Array.from({ length: 10 }, (_, i) => event(key, `m${count}-${i}`, start + i))
      shard.take(batch(`q${count++}`, 1, more), end)
    }

    expect(count).toBeGreaterThan(2)
    expect(step.value).toEqual(whole)
  })
})

describe('the newest entries of a timeline', () => {
  it('are the end of it, however late each came', () => {
    const times = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 400 })

    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 420 }), (all, count) => {
        const { shard, fragment } = fragmentWith(all)
        const whole = readTimeline(fragment, shard)

        const newest = readNewest(fragment, shard, count)

        expect(newest).toEqual(whole.slice(Math.max(0, whole.length - count)))
        expect(entriesIn(fragment)).toBe(all.length)
      }),
      { numRuns: 50 },
    )
  })

  it('are found without the rows of those long past', () => {
    const { shard, fragment } = fragmentWith(Array.from({ length: 2_000 }, (_, i) => i))

    const newest = readNewest(fragment, shard, 20)

    expect(newest.map(({ at }) => at - start)).toEqual(
      Array.from({ length: 20 }, (_, i) => 1_980 + i),
    )
    expect(shard.chunkReads).toBeLessThan(4)
  })
})
