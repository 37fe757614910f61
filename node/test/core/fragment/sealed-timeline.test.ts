import { type ChannelRecord, ulid } from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AssertionError } from '../../../src/core/assert.ts'
import { openEntriesMax } from '../../../src/core/fragment/open-chunk.ts'
import { readTimeline } from '../../../src/core/fragment/timeline.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { anon, batch, event, start } from '../../support/records.ts'

const key = anon(1)
const second = 1_000

/** Folds the records one by one, each from a producer of its own: only ids tell repeats. */
function foldEach(shard: BareShard, records: readonly ChannelRecord[], timestamp?: number): number {
  let applied = 0
  for (const record of records) {
    const producer = `p${shard.state.applied}`
    applied += shard.take(batch(producer, 1, [record]), timestamp ?? record.at).applied
  }
  return applied
}

function ids(shard: BareShard): string[] {
  return readTimeline(shard.activate(key), shard).map(({ record }) => record.id)
}

function numbered(count: number, at: (i: number) => number): ChannelRecord[] {
  return Array.from({ length: count }, (_, i) => event(key, `e${i}`, at(i)))
}

test('an open chunk holds at most 64 entries; older ones are sealed and stay readable', () => {
  const shard = new BareShard()
  const fragment = shard.activate(key)

  for (const record of numbered(200, (i) => start + i * second)) {
    foldEach(shard, [record])
    expect(fragment.open.count).toBeLessThanOrEqual(openEntriesMax)
  }

  expect((fragment.sealed?.entries ?? 0) + fragment.open.count).toBe(200)
  expect(ids(shard)).toEqual(Array.from({ length: 200 }, (_, i) => `e${i}`))
})

test('a timeline of 10,000 entries that arrive out of order is whole, in order and without repeats', () => {
  const shard = new BareShard()
  const count = 10_000
  // Up to a minute late, as servers' logs are; every tenth is sent twice, the second time late.
  const at = (i: number) => start + i * second - ((i * 7919) % 60) * second
  const records = numbered(count, at)
  const sent = records.flatMap((record, i) => {
    const repeat = records[i - 2_000]
    return i % 10 === 0 && repeat ? [record, repeat] : [record]
  })

  const applied = foldEach(shard, sent, start + count * second)
  const timeline = readTimeline(shard.activate(key), shard)

  expect(applied).toBe(count)
  expect(new Set(timeline.map(({ record }) => record.id)).size).toBe(count)
  expect(timeline.map((entry) => entry.at)).toEqual(
    Array.from({ length: count }, (_, i) => at(i)).sort((a, b) => a - b),
  )
  expect(shard.digest.toString()).toBe(shard.digestFromScratch())
})

test('repeats are found among all entries, sealed in any order', () => {
  const delays = fc.array(fc.nat(400), { minLength: 150, maxLength: 400 })
  fc.assert(
    fc.property(delays, fc.array(fc.nat(399), { maxLength: 100 }), (delay, repeats) => {
      const shard = new BareShard()
      const records = delay.map((late, i) => event(key, `e${i}`, start + (i - late) * second))
      foldEach(shard, records, start + 1_000 * second)
      const before = shard.digest.toString()

      const again = repeats.flatMap((i) => records[i] ?? [])
      const applied = foldEach(shard, again, start + 2_000 * second)

      expect(applied).toBe(0)
      expect(shard.digest.toString()).toBe(before)
    }),
    { numRuns: 25 },
  )
})

test('an event of a clock that is ahead is known again however late it is resent', () => {
  const shard = new BareShard()
  const ahead = event(key, 'ahead', start + 3_600 * second)
  foldEach(shard, [ahead], start)
  foldEach(
    shard,
    numbered(300, (i) => start + i * second),
  )

  const whileAhead = foldEach(shard, [ahead], start + 1_800 * second)
  shard.snapshot()
  const later = foldEach(shard, [ahead], start + 7_200 * second)

  expect([whileAhead, later]).toEqual([0, 0])
  expect(ids(shard).filter((id) => id === 'ahead')).toEqual(['ahead'])
})

test('an outcome reported again after thousands of events is known by its decision', () => {
  const shard = new BareShard()
  const decision = ulid(start, (bytes) => bytes.fill(7))
  const accept = (id: string, at: number): ChannelRecord => ({
    kind: 'outcome',
    id,
    key,
    at,
    decision,
    placement: 'hero',
    offer: 'card',
    treatment: 't',
    outcome: 'accept',
  })
  foldEach(shard, [accept('o1', start + second)])
  foldEach(
    shard,
    numbered(3_000, (i) => start + i * second),
  )

  const applied = foldEach(shard, [accept('o2', start + 4_000 * second)])

  expect(applied).toBe(0)
})

test('new entries in order ask no sealed row', () => {
  const shard = new BareShard()
  foldEach(
    shard,
    numbered(1_000, (i) => start + i * second),
  )

  expect(shard.chunkReads).toBe(0)
})

test('an entry that is late by less than the open chunk asks no sealed row', () => {
  const shard = new BareShard()
  foldEach(
    shard,
    numbered(1_000, (i) => start + i * second),
  )

  foldEach(shard, [event(key, 'late', start + 990 * second)])

  expect(shard.chunkReads).toBe(0)
  expect(ids(shard).indexOf('late')).toBe(991)
})

test('records of the largest size fit: the chunk is sealed by bytes as well', () => {
  const shard = new BareShard()
  const large = Object.fromEntries(
    Array.from({ length: 3 }, (_, i) => [`p${i}`, 'x'.repeat(8_000)]),
  )

  foldEach(
    shard,
    Array.from({ length: 40 }, (_, i) => event(key, `e${i}`, start + i * second, large)),
  )

  expect(ids(shard)).toEqual(Array.from({ length: 40 }, (_, i) => `e${i}`))
  expect(shard.letters).toEqual([])
})

test('a sealed row that the store lost stops whoever needs it', () => {
  const shard = new BareShard()
  foldEach(
    shard,
    numbered(200, (i) => start + i * second),
  )

  shard.rows.delete(`${key} 1`)

  expect(() => readTimeline(shard.activate(key), shard)).toThrow(AssertionError)
})
