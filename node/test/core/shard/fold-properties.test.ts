import type { Identifier } from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readTimeline } from '../../../src/core/fragment/timeline.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { bytesOf, end, historySentTwice, type Sending } from '../../support/histories.ts'
import { type PlainFacts, plainFacts } from '../../support/plain-facts.ts'

test('the facts and the digest do not depend on how producers interleave, on borders of batches or on resends', () => {
  fc.assert(
    fc.property(historySentTwice, ({ first, second }) => {
      const one = foldAll(first)
      const other = foldAll(second)

      expect(other.views()).toEqual(one.views())
      expect(other.digest.toString()).toBe(one.digest.toString())
      expect(other.letters).toEqual([])
    }),
    { numRuns: 60 },
  )
})

test('the facts are those of the set of records: timelines in order, the last write of each register', () => {
  fc.assert(
    fc.property(historySentTwice, ({ stories, first }) => {
      const shard = foldAll(first)

      const records = stories.flatMap((story) => story.records)
      const keys = new Set(records.map(({ key }) => key))
      expect(new Set(shard.fragments.keys())).toEqual(keys)
      for (const key of keys) {
        const own = records.filter((record) => record.key === key)
        expect(factsOf(shard, key)).toEqual(plainFacts(own))
      }
    }),
    { numRuns: 60 },
  )
})

test('the digest is the sum over the facts that are there', () => {
  fc.assert(
    fc.property(historySentTwice, ({ first }) => {
      const shard = foldAll(first)

      expect(shard.digest.toString()).toBe(shard.digestFromScratch())
    }),
    { numRuns: 40 },
  )
})

test('fragments written to rows and read back at any point of the history change nothing', () => {
  fc.assert(
    fc.property(historySentTwice, fc.array(fc.boolean()), ({ first }, pauses) => {
      const kept = foldAll(first)
      const passivated = foldAll(first, (shard, sent) => {
        if (pauses[sent % Math.max(1, pauses.length)] ?? true) shard.snapshot()
      })

      expect(passivated.views()).toEqual(kept.views())
      expect(passivated.digest.toString()).toBe(kept.digest.toString())
      expect(passivated.rows).toEqual(kept.rows)
    }),
    { numRuns: 40 },
  )
})

test('a history sent once more from its beginning changes nothing', () => {
  fc.assert(
    fc.property(historySentTwice, ({ first }) => {
      const shard = foldAll(first)
      const before = { views: shard.views(), digest: shard.digest.toString() }

      let applied = 0
      for (const sending of first) applied += shard.take(bytesOf(sending), end).applied

      expect(applied).toBe(0)
      expect({ views: shard.views(), digest: shard.digest.toString() }).toEqual(before)
    }),
    { numRuns: 30 },
  )
})

function foldAll(
  sendings: readonly Sending[],
  afterEach: (shard: BareShard, sent: number) => void = () => {},
): BareShard {
  const shard = new BareShard()
  sendings.forEach((sending, sent) => {
    shard.take(bytesOf(sending), end)
    afterEach(shard, sent)
  })
  return shard
}

function factsOf(shard: BareShard, key: Identifier): PlainFacts {
  const fragment = shard.activate(key)
  const registers: { [register: string]: unknown } = {}
  const { traits, links, consents } = fragment
  for (const [kind, all] of Object.entries({ traits, links, consents })) {
    for (const [name, { value, at, id }] of all ?? [])
      registers[`${kind} ${name}`] = { value: value ?? null, at, id }
  }
  const timeline = readTimeline(fragment, shard).map(({ record }) => record.id)
  return { timeline, registers }
}
