import { expect, test } from 'vitest'
import { Digest } from '../../../src/core/digest.ts'
import type { CellOf } from '../../../src/core/learning/cell.ts'
import { bucketedMax, cellsMax, Statistics } from '../../../src/core/learning/statistics.ts'
import { clicks, day, hour, minute } from '../../support/lessons.ts'
import { start } from '../../support/records.ts'

const trial = { isTrial: true, isReward: false }
const both = { isTrial: true, isReward: true }
const later = start + 2 * hour

function cell(offer: string, bucket = ''): CellOf {
  return { lesson: clicks, placement: 'hero', offer, treatment: 'red', bucket }
}

class Counting {
  readonly statistics = new Statistics()
  readonly digest = new Digest()

  count(of: CellOf, what = trial, decidedAt = start, now = start): string | undefined {
    return this.statistics.count(of, decidedAt, what, now, this.digest)
  }

  /** The trials of a cell in all, whatever its decay. */
  trialsOf(of: CellOf): number | undefined {
    const { cells } = this.statistics.settled(later)
    return cells.find(({ offer, bucket }) => offer === of.offer && bucket === of.bucket)?.trials
  }
}

test('a bucket for which there is no room counts for its arm without one', () => {
  const counting = new Counting()
  for (let i = 0; i < bucketedMax; i++) counting.count(cell('boots', `b${i}`))

  const first = counting.count(cell('boots', 'one more'), both)
  const again = counting.count(cell('boots', 'yet another'))
  const known = counting.count(cell('boots', 'b7'))

  expect(first).toBe(again)
  expect(known).not.toBe(first)
  expect(counting.statistics.size).toBe(bucketedMax + 1)
  expect(counting.trialsOf(cell('boots'))).toBe(2 * (counting.trialsOf(cell('boots', 'b8')) ?? 0))
})

test('an arm for which there is no room at all counts nowhere, those that are known go on', () => {
  const counting = new Counting()
  for (let i = 0; i < cellsMax; i++) counting.count(cell(`o${i}`))

  expect(counting.count(cell('new'))).toBeUndefined()
  expect(counting.count(cell('o5', 'new bucket'))).toBe(counting.count(cell('o5')))
  expect(counting.statistics.size).toBe(cellsMax)
})

test('what has faded makes room', () => {
  const counting = new Counting()
  for (let i = 0; i < cellsMax; i++) counting.count(cell(`o${i}`))
  const muchLater = start + 11 * day

  const faded = counting.statistics.sweep(muchLater - hour, muchLater, counting.digest)

  expect(faded.length).toBe(cellsMax)
  expect(counting.digest.toString()).toBe(new Digest().toString())
  expect(counting.count(cell('new', 'bucket'), trial, muchLater, muchLater)).toContain('bucket')
})

test('a cell fades only where an hour is over, and never while anything in it waits', () => {
  const counting = new Counting()
  const { statistics, digest } = counting
  const muchLater = Math.ceil((start + 11 * day) / hour) * hour
  counting.count(cell('old'))
  counting.count(cell('waits'))
  counting.count(cell('waits'), trial, muchLater, muchLater)

  expect(statistics.sweep(muchLater, muchLater + hour - 1, digest)).toEqual([])
  expect(statistics.sweep(muchLater - 1, muchLater, digest)).toHaveLength(1)
  expect(statistics.size).toBe(1)
})

test('while a shard has no time, what waits is bounded, and nothing is lost', () => {
  const counting = new Counting()
  const slot = 10 * minute
  for (let i = 0; i < 50; i++) counting.count(cell('boots'), both, start + i * slot, 0)
  const [row] = [...counting.statistics.rows()]
  const at = start + 50 * slot + hour
  const { cells } = counting.statistics.settled(at)

  let sum = 0
  for (let i = 0; i < 50; i++) sum += 2 ** ((start + i * slot - Math.ceil(at / hour) * hour) / day)
  expect(row?.length).toBeLessThan(300)
  expect(cells).toHaveLength(1)
  expect(cells[0]?.trials).toBeCloseTo(sum, 6)
  expect(cells[0]?.rewards).toBe(cells[0]?.trials)
})

test('a reward that comes when its trial was settled early still counts', () => {
  const counting = new Counting()
  for (let i = 0; i < 20; i++) counting.count(cell('boots'), trial, start + i * 10 * minute, 0)
  counting.count(cell('boots'), { isTrial: false, isReward: true }, start, 0)

  const [boots] = counting.statistics.settled(start + day).cells

  expect(boots?.rewards).toBeCloseTo(
    2 ** -((Math.ceil((start + day) / hour) * hour - start) / day),
    6,
  )
})

test('nothing is told where nothing is settled', () => {
  const counting = new Counting()
  counting.count(cell('boots'))

  expect(counting.statistics.settled(start)).toEqual({ at: start, cells: [] })
})

test('cells are told in the order of their names, however they came', () => {
  const one = new Counting()
  const other = new Counting()
  const names = ['b', 'a', 'c']
  for (const name of names) one.count(cell(name))
  for (const name of names.toReversed()) other.count(cell(name))

  expect(one.statistics.settled(later)).toEqual(other.statistics.settled(later))
  expect(one.statistics.settled(later).cells.map(({ offer }) => offer)).toEqual(['a', 'b', 'c'])
})

test('what is told in steps is as of the first of them, whatever is counted meanwhile', () => {
  const counting = new Counting()
  for (const offer of ['a', 'b', 'c']) counting.count(cell(offer))
  const whole = counting.statistics.settled(later)

  const { at, cells } = counting.statistics.settledInSteps(later)
  counting.count(cell('b'), both, start, later)
  counting.count(cell('d'), both, start, later)

  expect({ at, cells: [...cells] }).toEqual(whole)
  expect(counting.statistics.settled(later).cells).toHaveLength(4)
})
