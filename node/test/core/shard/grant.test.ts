import type { EventRecord, GrantLimit, GrantRecord, LinkRecord } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTimeline } from '../../../src/core/fragment/timeline.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { anon, batch, event, ownBatch, start } from '../../support/records.ts'

const ann = anon('ann')
const once: readonly GrantLimit[] = [{ scope: 'offer', max: 1, since: -1 }]

/** One shard that is led in epoch 2. */
function shardLed(): BareShard {
  const shard = new BareShard()
  shard.take(ownBatch(2, 1, { kind: 'primary', epoch: 2, node: 'a' }), start, true)
  return shard
}

function grant(more: Partial<GrantRecord> = {}): GrantRecord {
  return {
    kind: 'grant',
    epoch: 2,
    id: ann,
    at: start,
    decision: 'd1',
    placement: 'hero',
    offer: 'card',
    channel: 'web',
    ...more,
  }
}

function give(shard: BareShard, record: GrantRecord, at = start): void {
  shard.take(ownBatch(record.epoch, 9, record), at, true)
}

/** Decisions that were granted something, oldest first. */
function granted(shard: BareShard): string[] {
  const fragment = shard.fragments.get(ann)
  const timeline = fragment === undefined ? [] : readTimeline(fragment, shard)
  return timeline.flatMap(({ record }) => (record.kind === 'grant' ? [record.decision] : []))
}

function page(number: number): EventRecord {
  return event(ann, `e${number}`, start + number)
}

describe('a grant', () => {
  it('stands in the timeline of the root once, however often it is written', () => {
    const shard = shardLed()

    give(shard, grant())
    give(shard, grant())
    give(shard, grant({ decision: 'd2' }))

    expect(granted(shard)).toEqual(['d1', 'd2'])
  })

  it('changes nothing where a strict limit has no room, and leaves no trace', () => {
    const shard = shardLed()
    give(shard, grant({ limits: once }))
    const before = shard.state.digest.toString()

    give(shard, grant({ decision: 'd2', limits: once }))

    expect(granted(shard)).toEqual(['d1'])
    expect(shard.state.digest.toString()).toBe(before)
  })

  it('is granted again to the same decision, which is asked twice', () => {
    const shard = shardLed()

    give(shard, grant({ limits: once }))
    give(shard, grant({ limits: once }))

    expect(granted(shard)).toEqual(['d1'])
  })

  it('of an older epoch has no effect', () => {
    const shard = shardLed()

    give(shard, grant({ epoch: 1 }))

    expect(granted(shard)).toEqual([])
  })

  it('with a strict limit is refused to whoever is no root', () => {
    const shard = shardLed()
    const to = anon('zoe')
    const link: LinkRecord = {
      kind: 'link',
      id: 'l1',
      key: ann,
      to,
      at: start,
      strength: 'asserted',
    }
    shard.take(batch('c', 1, [link]), start)

    give(shard, grant({ limits: once }))
    give(shard, grant({ decision: 'd2' }))

    expect(granted(shard)).toEqual(['d2'])
  })

  it('counts from when it was decided, and never as later than the log took it', () => {
    const shard = shardLed()

    give(shard, grant({ at: start + 50_000 }), start + 10)

    const fragment = shard.fragments.get(ann)
    expect(fragment && readTimeline(fragment, shard).map(({ at }) => at)).toEqual([start + 10])
  })

  it('counts what was sealed long ago', () => {
    const shard = shardLed()
    give(shard, grant({ limits: once }))
    for (let number = 1; number <= 300; number++)
      shard.take(batch('c', number, [page(number)]), start + number)

    give(shard, grant({ decision: 'd2', limits: once }), start + 1_000)

    expect(shard.fragments.get(ann)?.sealed?.grants).toBe(1)
    expect(granted(shard)).toEqual(['d1'])
  })

  it('never exceeds a strict limit, whatever else is granted and in whichever windows', () => {
    const given = fc.record({
      offer: fc.constantFrom('a', 'b', 'c'),
      group: fc.constantFrom('x', 'y', undefined),
      placement: fc.constantFrom('hero', 'side'),
      channel: fc.constantFrom('web', 'call'),
      ago: fc.nat(50),
      scope: fc.constantFrom('offer', 'group', 'placement', 'channel', 'all'),
      max: fc.integer({ min: 1, max: 4 }),
      window: fc.nat(60),
      isStrict: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(given, { maxLength: 120 }), (all) => {
        const shard = shardLed()
        const taken: { readonly record: GrantRecord; readonly at: number }[] = []
        const expected: string[] = []
        all.forEach((one, i) => {
          const { offer, group, placement, channel, scope, max } = one
          const now = start + i * 10
          const at = now - one.ago
          const since = now - one.window * 10
          const limits = [{ scope, max, since }] as const
          const decision = `d${i}`
          const record = grant({
            ...{ decision, offer, placement, channel, at },
            ...(group !== undefined && { group }),
            ...(one.isStrict && { limits }),
          })
          const counted = taken.filter(
            (before) =>
              before.at > since && (scope === 'all' || before.record[scope] === record[scope]),
          )
          if (!one.isStrict || counted.length < max) {
            taken.push({ record, at })
            expected.push(decision)
          }
          give(shard, record, now)
        })
        expect(granted(shard).toSorted()).toEqual(expected.toSorted())
      }),
      { numRuns: 60 },
    )
  })
})
