import { fallbackName, outcomes } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { lessonText, trialText } from '../../../src/core/learning/trial.ts'
import { BareShard } from '../../support/bare-shard.ts'
import {
  day,
  hour,
  learning,
  lesson,
  minute,
  reported,
  tell,
  tick,
  told,
} from '../../support/lessons.ts'
import { anon, batch, event, start } from '../../support/records.ts'

/** When all that is reported here is settled. */
const settledAt = start + 2 * hour

function after(...records: Parameters<typeof tell>[1][]): { [cell: string]: string } {
  const shard = learning(new BareShard())
  tell(shard, ...records)
  tick(shard, settledAt)
  return counts(shard)
}

/** As whole numbers, which a long half-life hardly changes. */
function counts(shard: BareShard): { [cell: string]: string } {
  return Object.fromEntries(
    Object.entries(told(shard)).map(([cell, text]) => [
      cell,
      text
        .split(' ')
        .map((number) => Math.round(Number(number) * 100) / 100)
        .join(' '),
    ]),
  )
}

const slowly = { lesson: lesson('click', 40 * minute, 90 * day) }

test('a display is a trial, a click within its time a reward', () => {
  const found = after(
    reported('display', slowly),
    reported('click', { ...slowly, at: start + 5 * minute }),
    reported('display', { ...slowly, who: 'v2' }),
  )

  expect(found).toEqual({ boots: '2 1' })
})

test('a click without a display is a trial and a reward', () => {
  expect(after(reported('click', slowly))).toEqual({ boots: '1 1' })
})

test('a display that comes after its click is no second trial, whichever happened first', () => {
  for (const at of [start + minute / 2, start + 2 * minute]) {
    const found = after(reported('click', slowly), reported('display', { ...slowly, at }))
    expect(found).toEqual({ boots: '1 1' })
  }
})

test('an acceptance is a trial, and a reward only where it was hoped for', () => {
  const accepts = lesson('accept', 40 * minute, 90 * day)

  expect(after(reported('accept', slowly))).toEqual({ boots: '1 0' })
  expect(after(reported('accept', { lesson: accepts }))).toEqual({ boots: '1 1' })
  expect(after(reported('click', { lesson: accepts }))).toEqual({ boots: '1 0' })
})

test('a click after its time is no reward', () => {
  const at = start + 40 * minute

  expect(after(reported('click', { ...slowly, at }))).toEqual({ boots: '1 1' })
  expect(after(reported('click', { ...slowly, at: at + 1 }))).toEqual({ boots: '1 0' })
})

test('what is said again changes nothing', () => {
  const found = after(
    reported('display', slowly),
    reported('display', { ...slowly, at: start + 2 * minute }),
    reported('click', { ...slowly, at: start + 3 * minute }),
    reported('click', { ...slowly, at: start + 4 * minute }),
  )

  expect(found).toEqual({ boots: '1 1' })
})

test('nobody learns from what shows nothing', () => {
  const silent = outcomes.filter((one) => !['display', 'click', 'accept'].includes(one))

  expect(after(...silent.map((one) => reported(one, slowly)))).toEqual({})
})

test('nobody learns from default content, from what names no lesson, or from a decision without a time', () => {
  const found = after(
    reported('click', { ...slowly, offer: fallbackName }),
    reported('click', { lesson: null }),
    { ...reported('click', slowly), trial: 'something else' },
    { ...reported('click', slowly), decision: 'of-our-own' },
  )

  expect(found).toEqual({})
})

test('nobody learns from a decision that a clock dated into the future', () => {
  const ahead = { ...slowly, at: start + minute }

  expect(after(reported('click', { ...ahead, decidedAt: start + 5 * minute }))).toEqual({
    boots: '1 1',
  })
  expect(after(reported('click', { ...ahead, decidedAt: start + 62 * minute }))).toEqual({})
})

test('items of a template are one arm, buckets and treatments are not', () => {
  const found = after(
    reported('click', { ...slowly, offer: 'card/1' }),
    reported('display', { ...slowly, who: 'v2', offer: 'card/2' }),
    reported('display', { ...slowly, who: 'v3', bucket: 'gold|web' }),
  )

  expect(found).toEqual({ card: '2 1', 'boots gold|web': '1 0' })
})

test('what is younger than the time of its reward is not told', () => {
  const shard = learning(new BareShard())
  tell(shard, reported('click'))
  const wait = 10 * minute + 40 * minute

  tick(shard, start + wait - 2)
  expect(told(shard)).toEqual({})
  tick(shard, start + wait)
  // As of the end of the hour, which is a 24th of the half-life.
  expect(counts(shard)).toEqual({ boots: '0.97 0.97' })
})

test('a trial is half of one after a half-life', () => {
  const shard = learning(new BareShard())
  tell(shard, reported('click'))
  tick(shard, start + day - minute)

  expect(told(shard)).toEqual({ boots: '0.5 0.5' })
})

test('an outcome of a decision that is settled counts as if it had come in time', () => {
  const [early, late] = [learning(new BareShard()), learning(new BareShard())]
  const shown = reported('display')
  const clicked = reported('click', { at: start + 5 * minute })
  tell(early, shown, clicked)
  tick(early, settledAt)

  tell(late, shown)
  tick(late, settledAt)
  late.take(batch('q', 1, [clicked]), settledAt)

  expect(told(late)).toEqual(told(early))
})

test('a reward whose trial nobody counted is not counted either', () => {
  const found = after(
    reported('display', { lesson: null }),
    reported('click', { ...slowly, at: start + 5 * minute }),
  )

  expect(found).toEqual({})
})

test('a shard learns from the barrier on, not before', () => {
  const shard = new BareShard()
  tell(shard, reported('click', { ...slowly, who: 'v2' }))
  learning(shard)
  tell(shard, reported('click', slowly))
  tick(shard, settledAt)

  expect(counts(shard)).toEqual({ boots: '1 1' })
})

test('a device that changed hands teaches as any other', () => {
  const device = anon('shared')
  const shard = learning(new BareShard())
  const login = { kind: 'link', id: 'l', key: device, to: 'user:1', strength: 'authenticated' }
  shard.take(batch('web', 1, [{ ...login, at: start - hour }]), start - hour)
  shard.take(
    batch('web', 2, [
      { kind: 'logout', id: 'o', key: device, at: start - minute },
      { ...login, id: 'm', to: 'user:2', at: start },
    ]),
    start,
  )
  tell(
    shard,
    reported('display', { ...slowly, key: device }),
    reported('click', { ...slowly, key: device, at: start + 5 * minute }),
    reported('click', { ...slowly, key: device, at: start + 6 * minute }),
  )
  tick(shard, settledAt)

  expect(shard.fragments.get(device)?.device).not.toBeNull()
  expect(counts(shard)).toEqual({ boots: '1 1' })
})

test('records without a lesson leave no trace in the statistics', () => {
  const shard = learning(new BareShard())
  shard.take(batch('p', 1, [event(anon(1), 'a', start)]), start)
  tell(shard, reported('click', { lesson: null }))

  expect(shard.state.statistics.size).toBe(0)
})

test('the digest counts what was learnt, and forgets it with the cell', () => {
  const shard = learning(new BareShard())
  tell(shard, reported('click'))
  expect(shard.state.statistics.size).toBe(1)
  expect(shard.digest.toString()).toBe(shard.digestFromScratch())

  tick(shard, start + 11 * day)

  expect(shard.state.statistics.size).toBe(0)
  expect(shard.digest.toString()).toBe(shard.digestFromScratch())
})

const later = {
  reward: 'click',
  withinMs: 40 * minute,
  halfLifeMs: 90 * day,
  isLater: true,
} as const

function granted(shard: BareShard, what: object = {}, at = start): void {
  const { decision } = reported('display')
  const said = { id: anon(1), at, decision, placement: 'hero', offer: 'boots', channel: 'email' }
  const taught = { treatment: 'red', trial: trialText(lessonText(later), '') }
  const record = { kind: 'grant', epoch: 1, ...said, ...taught, ...what }
  shard.take(batch('primary:1', 1, [record]), at, true)
}

test('where deciding is the trial, being given something counts once, and its display does not', () => {
  const shard = learning(new BareShard())
  granted(shard)
  granted(shard)
  tell(
    shard,
    reported('display', { lesson: lessonText(later) }),
    reported('click', { lesson: lessonText(later), at: start + 5 * minute }),
  )
  tick(shard, settledAt)

  expect(counts(shard)).toEqual({ boots: '1 1' })
})

test('what was given in one shard and clicked on in another adds up', () => {
  const [home, root] = [learning(new BareShard()), learning(new BareShard())]
  granted(root)
  tell(home, reported('click', { lesson: lessonText(later) }))
  for (const shard of [home, root]) tick(shard, settledAt)

  expect([counts(root), counts(home)]).toEqual([{ boots: '1 0' }, { boots: '0 1' }])
})

test('being given something teaches nothing where a display is the trial, or nobody learns', () => {
  const shard = learning(new BareShard())
  granted(shard, { trial: trialText(slowly.lesson, '') })
  granted(shard, { offer: 'shoes', trial: 'something else' })
  granted(shard, { offer: 'hats', decision: 'of-our-own' })
  tick(shard, settledAt)

  expect(shard.fragments.get(anon(1))?.open.count).toBe(3)
  expect(counts(shard)).toEqual({})
})
