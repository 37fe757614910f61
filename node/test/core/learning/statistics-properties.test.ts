import { type OutcomeRecord, shardOf } from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type SettledCell, Statistics } from '../../../src/core/learning/statistics.ts'
import { BareShard } from '../../support/bare-shard.ts'
import {
  clicks,
  day,
  hour,
  learning,
  lesson,
  minute,
  reported,
  tick,
} from '../../support/lessons.ts'
import { anon, batch, start } from '../../support/records.ts'

/** Something that a log takes; time goes on by `afterMs` before. */
interface Step {
  readonly afterMs: number
  readonly isTick: boolean
  readonly record: OutcomeRecord
}

const lessons = [
  clicks,
  lesson('accept', 3 * hour, 2 * hour),
  lesson('click', 5_000, hour),
] as const

/** Outcomes that say of one decision always the same arm, bucket and lesson. */
const steps: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.record({
      afterMs: fc.oneof(fc.nat(20_000), fc.nat(2 * hour), fc.nat(2 * day)),
      isTick: fc.boolean(),
      who: fc.nat(11),
      decided: fc.nat(5),
      outcome: fc.constantFrom('display', 'click', 'accept', 'dismiss'),
      late: fc.oneof(fc.constant(0), fc.nat(hour), fc.nat(3 * day)),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((made) => {
    let now = start
    return made.map(({ afterMs, isTick, who, decided, outcome, late }) => {
      now += afterMs
      const number = who * 6 + decided
      const record = reported(outcome, {
        decidedAt: start - ((number * 7_919) % 97) * minute,
        at: Math.max(start, now - late),
        who: `decision ${number}`,
        key: anon(who),
        offer: number % 3 === 0 ? 'boots' : `card/${number % 5}`,
        bucket: number % 2 === 0 ? 'gold' : '',
        lesson: lessons[number % 3] ?? clicks,
      })
      return { afterMs, isTick, record }
    })
  })

const shards = 3

/** Folds those records that `takes` wants; time goes on for all alike. */
function folded(
  history: readonly Step[],
  takes: (record: OutcomeRecord) => boolean,
  between: (shard: BareShard) => BareShard = (shard) => shard,
): BareShard {
  let shard = learning(new BareShard())
  let now = start
  for (const { afterMs, isTick, record } of history) {
    now += afterMs
    if (takes(record)) shard.take(batch(`p${shard.state.applied}`, 1, [record]), now)
    if (isTick) tick(shard, now)
    shard = between(shard)
  }
  tick(shard, now + 40 * hour)
  expect(shard.letters).toEqual([])
  return shard
}

type Sums = Map<string, { readonly trials: number; readonly rewards: number }>

function nameOf({ lesson: of, placement, offer, treatment, bucket }: SettledCell): string {
  return [of, placement, offer, treatment, bucket].join()
}

function sumsOf(...parts: readonly BareShard[]): Sums {
  const sums: Sums = new Map()
  const ats = new Set<number>()
  for (const { state } of parts) {
    const { at, cells } = state.statistics.settled(state.time.now)
    ats.add(at)
    for (const cell of cells) {
      const name = nameOf(cell)
      const before = sums.get(name) ?? { trials: 0, rewards: 0 }
      const [trials, rewards] = [before.trials + cell.trials, before.rewards + cell.rewards]
      sums.set(name, { trials, rewards })
    }
  }
  expect(ats.size).toBe(1)
  return sums
}

/** Up to the last bits; a cell that is nearly gone may be there or not. */
function expectSame(one: Sums, other: Sums): void {
  for (const name of new Set([...one.keys(), ...other.keys()])) {
    const [a, b] = [one.get(name), other.get(name)]
    expect(Math.abs((a?.trials ?? 0) - (b?.trials ?? 0))).toBeLessThan(0.01)
    expect(Math.abs((a?.rewards ?? 0) - (b?.rewards ?? 0))).toBeLessThan(0.01)
  }
}

const all = () => true

test('what several shards learn adds up to what one would', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const whole = folded(history, all)
      const parts = Array.from({ length: shards }, (_, shard) =>
        folded(history, ({ key }) => shardOf(key, shards) === shard),
      )

      expectSame(sumsOf(...parts), sumsOf(whole))
    }),
  )
})

test('there are never more rewards than trials', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const { statistics, time } = folded(history, all).state

      for (const { trials, rewards } of statistics.settled(time.now).cells)
        expect(rewards).toBeLessThanOrEqual(trials)
    }),
  )
})

test('each proposition is one trial, and one reward at most, as counting by hand says', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const shard = folded(history, all)
      const { statistics, time } = shard.state
      const { at } = statistics.settled(time.now)
      const expected: Sums = new Map()
      const seen = new Set<string>()
      let now = start
      for (const { afterMs, record } of history) {
        now += afterMs
        if (record.outcome === 'dismiss') continue
        const { decision, placement, treatment, outcome } = record
        const trial = record.trial ?? ''
        const bucket = trial.endsWith('gold') ? 'gold' : ''
        const of = trial.slice(0, trial.length - bucket.length - 1)
        const [reward = '', withinMs = '', halfLifeMs = ''] = of.split(' ')
        const decidedAt = timeIn(record)
        const ms = Math.max(1_000, Math.ceil(Number(withinMs) / 4))
        const age = at - Math.floor(decidedAt / ms) * ms
        const weight = 2 ** (-age / Number(halfLifeMs))
        const isTrial = !seen.has(decision)
        const isNew = !seen.has(`${decision} ${outcome}`)
        seen.add(decision)
        seen.add(`${decision} ${outcome}`)
        const inTime = Math.min(record.at, now) - decidedAt <= Number(withinMs)
        const isReward = isNew && outcome === reward && inTime
        const [offer = ''] = record.offer.split('/')
        const name = [of, placement, offer, treatment, bucket].join()
        const before = expected.get(name) ?? { trials: 0, rewards: 0 }
        expected.set(name, {
          trials: before.trials + (isTrial ? weight : 0),
          rewards: before.rewards + (isReward ? weight : 0),
        })
      }

      expectSame(sumsOf(shard), expected)
    }),
  )
})

function timeIn({ decision }: OutcomeRecord): number {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  return [...decision.slice(0, 10)].reduce((time, one) => time * 32 + digits.indexOf(one), 0)
}

test('what is sent again changes nothing, to the last bit', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const twice = history.flatMap((one) => [one, { ...one, afterMs: 0 }])

      expect(told(folded(twice, all))).toEqual(told(folded(history, all)))
    }),
  )
})

test('a shard that begins anew from its rows after any entry is the same to the last bit', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const lived = folded(history, all)

      const restarted = folded(history, all, fromRows)

      expect(told(restarted)).toEqual(told(lived))
      expect(rowsOf(restarted)).toEqual(rowsOf(lived))
      expect(restarted.digest.toString()).toBe(lived.digest.toString())
      expect(restarted.digestFromScratch()).toBe(restarted.digest.toString())
    }),
  )
})

/** The rows come in another order than the cells did. */
function fromRows(shard: BareShard): BareShard {
  const statistics = Statistics.restore([...shard.state.statistics.rows()].reverse())
  const next = new BareShard(0, 1, { arena: shard.arena, state: { ...shard.state, statistics } })
  for (const [id, fragment] of shard.fragments) next.fragments.set(id, fragment)
  for (const [key, row] of shard.rows) next.rows.set(key, row)
  return next
}

function rowsOf({ state }: BareShard): readonly string[] {
  return Array.from(state.statistics.rows(), (row) => Buffer.from(row).toString('hex')).sort()
}

function told({ state }: BareShard): object {
  return state.statistics.settled(state.time.now)
}
