import type { ChannelRecord, Outcome } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { factsOf, questionOf } from '../../../src/core/learning/experiment-facts.ts'
import { dayMs } from '../../../src/core/learning/experiment-sums.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { heroOrder } from '../../support/experiments.ts'
import { anon, batch, event } from '../../support/records.ts'

const key = anon(1)
const { starts } = heroOrder
const later = starts + 60 * dayMs
const question = questionOf(
  {
    ...heroOrder,
    ends: starts + 30 * dayMs,
    guardrails: [{ kind: 'event', event: 'order', withinMs: dayMs }],
  },
  later,
)

let count = 0

function outcome(
  said: Outcome,
  at: number,
  {
    arms = ['hero-order=ours'],
    offer = 'boots',
  }: { readonly arms?: readonly string[]; readonly offer?: string } = {},
): ChannelRecord {
  const decision = `d${count++}`
  const of = { decision, placement: 'web.hero', offer, treatment: 'banner' }
  return { kind: 'outcome', id: decision, key, at, ...of, outcome: said, arms }
}

function facts(records: readonly ChannelRecord[], isAlone = true) {
  const shard = new BareShard()
  for (let i = 0; i < records.length; i += 1_000)
    shard.take(batch('p', i + 1, records.slice(i, i + 1_000)), later)
  let decoded = 0
  const mentions = (bytes: Uint8Array, word: string) => {
    decoded++
    return Buffer.from(bytes).includes(word)
  }
  const found = factsOf(shard.activate(key), shard, question, mentions, isAlone)
  return { found, looks: decoded }
}

describe('what a timeline says of an experiment', () => {
  it('is when each arm was first displayed, or clicked where no display was reported', () => {
    const { found } = facts([
      outcome('display', starts + 50),
      outcome('click', starts + 20, { offer: 'fallback', arms: ['other=x', 'hero-order=none'] }),
      outcome('display', starts + 90, { arms: ['hero-order=none'] }),
    ])

    expect(found?.shown).toEqual([
      ['none', starts + 20],
      ['ours', starts + 50],
    ])
  })

  it('does not count what was dismissed or unsubscribed as shown, nor other experiments', () => {
    expect(
      facts([
        outcome('dismiss', starts + 1),
        outcome('unsubscribe', starts + 2),
        outcome('display', starts + 3, { arms: ['hero=ours', 'hero-order-2=ours'] }),
        outcome('display', starts + 4, { arms: ['my-hero-order=ours'] }),
      ]).found,
    ).toBeUndefined()
  })

  it('does not count what was shown before it began or after it ended', () => {
    expect(
      facts([outcome('display', starts - 1), outcome('display', starts + 30 * dayMs)]).found,
    ).toBeUndefined()
    expect(facts([outcome('display', starts)]).found?.shown).toEqual([['ours', starts]])
  })

  it('is when each measure was done, wherever it was', () => {
    const { found } = facts([
      outcome('display', starts + 10),
      outcome('accept', starts + 20, { arms: [] }),
      event(key, 'o1', starts + 30, {}, 'order'),
      event(key, 'o2', starts + 40, { note: 'order' }, 'page'),
    ])

    expect(found?.done).toEqual([[starts + 20], [starts + 30]])
  })

  it('is nothing where nothing was shown, unless others of the profile may have been shown something', () => {
    const order = event(key, 'o1', starts + 30, {}, 'order')

    expect(facts([order]).found).toBeUndefined()
    expect(facts([order], false).found).toEqual({ shown: [], done: [[], [starts + 30]] })
  })

  it('is found in what was sealed long ago', () => {
    const pages = Array.from({ length: 3_000 }, (_, i) => event(key, `p${i}`, starts + 100 + i))
    const { found } = facts([outcome('display', starts + 10), ...pages])

    expect(found?.shown).toEqual([['ours', starts + 10]])
  })

  it('looks at no entry by itself where a timeline does not name the experiment', () => {
    const pages = Array.from({ length: 640 }, (_, i) => event(key, `p${i}`, starts + i))

    expect(facts(pages).looks).toBeLessThanOrEqual(24)
  })

  it('looks at nothing that ended before anybody was shown anything', () => {
    const pages = Array.from({ length: 640 }, (_, i) =>
      event(key, `p${i}`, starts - 40 * dayMs + i),
    )
    const { found, looks } = facts([...pages, outcome('display', starts + 10)])

    expect(found?.shown).toEqual([['ours', starts + 10]])
    expect(looks).toBeLessThan(250)
  })
})
