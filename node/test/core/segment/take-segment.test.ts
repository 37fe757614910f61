import {
  type FragmentId,
  type LinkRecord,
  parseIdentifier,
  type SegmentRecord,
} from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { restoreOutboxRow, storedOutboxRow } from '../../../src/core/shard/outbox.ts'
import { signalDestination } from '../../../src/core/shard/signal.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { anon, batch, event, ownBatch, start } from '../../support/records.ts'

const ann = anon('ann')

/** One shard that is led in epoch 1, and that knows Ann. */
function shardWithAnn(): BareShard {
  const shard = new BareShard()
  shard.take(ownBatch(1, 1, { kind: 'primary', epoch: 1, node: 'a' }), start, true)
  shard.take(batch('c', 1, [event(ann, 'e1', start)]), start)
  return shard
}

function segment(more: Partial<SegmentRecord> = {}): SegmentRecord {
  return {
    kind: 'segment',
    epoch: 1,
    id: ann,
    segment: 'complaining',
    isIn: true,
    at: start,
    seen: 2,
    playbook: 3,
    decisions: [],
    ...more,
  }
}

function tell(shard: BareShard, record: SegmentRecord): void {
  shard.take(ownBatch(record.epoch, 9, record), start + 1, true)
}

/** What other systems hear, in order. */
function heard({ state }: BareShard): string[] {
  return [...state.outbox.rows(signalDestination(state.shards))].map(({ message }) => {
    if (message.kind !== 'signal') return message.kind
    const { signal, root } = message
    return 'segment' in message ? `${root} ${signal} ${message.segment}` : `${root} ${signal}`
  })
}

describe('a segment', () => {
  it('is entered and left once per change, however often that is written', () => {
    const shard = shardWithAnn()

    for (const isIn of [true, true, false, false, true]) tell(shard, segment({ isIn }))

    expect(heard(shard)).toEqual([
      'anon:ann entered complaining',
      'anon:ann left complaining',
      'anon:ann entered complaining',
    ])
  })

  it('is told with the version of the playbook and with whom the profile is made of', () => {
    const shard = shardWithAnn()

    tell(shard, segment({ at: start + 99 }))

    const [row] = shard.state.outbox.rows(signalDestination(1))
    expect(row?.message).toEqual({
      kind: 'signal',
      signal: 'entered',
      root: ann,
      members: [],
      segment: 'complaining',
      playbook: 3,
      at: start + 1,
    })
  })

  it('is not entered by what an older primary still writes', () => {
    const shard = shardWithAnn()
    shard.take(ownBatch(2, 1, { kind: 'primary', epoch: 2, node: 'b' }), start, true)

    tell(shard, segment())

    expect(heard(shard)).toEqual([])
  })

  it('is kept in the row of the fragment', () => {
    const shard = shardWithAnn()
    tell(shard, segment())

    shard.snapshot()
    tell(shard, segment())

    expect(shard.fragments.get(ann)?.segments).toEqual(new Set(['complaining']))
    expect(heard(shard)).toHaveLength(1)
  })

  it('is not entered by who was erased after what it was found by', () => {
    const shard = shardWithAnn()
    tell(shard, segment({ segment: 'gold' }))
    const erase = { kind: 'erase', id: 'x', key: ann, at: start + 1, eraseId: 'x1' }
    shard.take(batch('c', 2, [erase]), start + 1)

    tell(shard, segment())

    expect(heard(shard)).toEqual(['anon:ann entered gold', 'anon:ann erased'])
    expect(shard.fragments.get(ann)?.segments).toBeNull()
  })

  it('is that of the greater profile once a fragment is part of one, and begins anew without it', () => {
    const shard = shardWithAnn()
    tell(shard, segment())
    const link: LinkRecord = {
      kind: 'link',
      id: 'l',
      key: ann,
      to: parseIdentifier('user:ann'),
      at: start,
      strength: 'authenticated',
    }
    shard.take(batch('c', 2, [link]), start)
    tell(shard, segment({ segment: 'late' }))
    shard.take(batch('c', 3, [{ ...link, kind: 'unlink', id: 'u', at: start + 1 }]), start + 1)
    tell(shard, segment({ seen: 5 }))

    expect(heard(shard)).toEqual(['anon:ann entered complaining', 'anon:ann entered complaining'])
  })

  it('brings what entering it triggered, and only where it was entered', () => {
    const shard = shardWithAnn()
    const decision = {
      decision: 'd1',
      placement: 'email.top',
      offer: 'manager',
      treatment: 'banner',
      content: '{"title":"Maya"}',
      token: 't',
    }

    for (const isIn of [true, true, false]) tell(shard, segment({ isIn, decisions: [decision] }))

    expect(heard(shard)).toEqual([
      'anon:ann entered complaining',
      'anon:ann decision complaining',
      'anon:ann left complaining',
    ])
  })

  it('alternates for any order of records, of which each may come again', () => {
    const told = fc.record({
      segment: fc.constantFrom('a', 'b'),
      isIn: fc.boolean(),
      id: fc.constantFrom<FragmentId>(ann, anon('bob')),
    })
    fc.assert(
      fc.property(fc.array(told, { maxLength: 40 }), (records) => {
        const shard = shardWithAnn()
        for (const one of records) tell(shard, segment(one))
        for (const root of [ann, anon('bob')])
          for (const name of ['a', 'b']) {
            const changes = heard(shard)
              .filter((one) => one.startsWith(`${root} `) && one.endsWith(` ${name}`))
              .map((one) => one.split(' ')[1])
            const expected = changes.map((_, i) => (i % 2 === 0 ? 'entered' : 'left'))
            expect(changes).toEqual(expected)
            const last = records.findLast((one) => one.id === root && one.segment === name)
            expect(changes.at(-1) === 'entered').toBe(last?.isIn === true)
          }
      }),
    )
  })
})

describe('a signal that waits', () => {
  it('is read back from its row, of whatever kind it is', () => {
    const common = { kind: 'signal', root: ann, members: [], at: start } as const
    const decision = {
      decision: 'd1',
      placement: 'email.top',
      offer: 'manager',
      treatment: 'banner',
      content: '{}',
      token: 't',
    }
    const signals = [
      ...(['merged', 'split', 'reassigned', 'erased', 'popular'] as const).map((signal) => {
        return { ...common, signal, to: null }
      }),
      { ...common, signal: 'entered', segment: 'a', playbook: 1 } as const,
      { ...common, signal: 'left', segment: 'a', playbook: 1 } as const,
      { ...common, signal: 'decision', segment: 'a', playbook: 1, ...decision } as const,
    ]
    for (const message of signals) {
      const row = { destination: 4, n: 7, message }
      expect(restoreOutboxRow(storedOutboxRow(row))).toEqual(row)
    }
  })
})
