import { expect, test } from 'vitest'
import { Producers } from '../../../src/core/shard/producers.ts'
import { start } from '../../support/records.ts'

const hour = 60 * 60_000

test('a producer that never wrote has number 0', () => {
  expect(new Producers().last('p', start)).toBe(0)
})

test('a producer is forgotten once it was idle for more than 48 hours', () => {
  const producers = new Producers()
  producers.set('p', 7, start)

  expect(producers.last('p', start + 48 * hour)).toBe(7)
  expect(producers.last('p', start + 48 * hour + 1)).toBe(0)
})

test('an import is never forgotten', () => {
  const producers = new Producers()
  producers.set('import:0123', 7, start)

  expect(producers.last('import:0123', start + 10_000 * hour)).toBe(7)
  expect(producers.sweep(start + 10_000 * hour)).toEqual([])
})

test('sweeping removes only what is forgotten, at most once an hour', () => {
  const producers = new Producers()
  producers.set('old', 1, start)
  producers.set('new', 2, start + 40 * hour)

  const early = producers.sweep(start + 48 * hour)
  producers.set('other', 1, start)
  const tooSoon = producers.sweep(start + 48.5 * hour)
  const due = producers.sweep(start + 49 * hour)

  expect(early).toEqual([])
  expect(tooSoon).toEqual([])
  expect(due.sort()).toEqual(['old', 'other'])
  expect(producers.size).toBe(1)
})

test('a producer that wrote before time began is idle from the first tick on', () => {
  const producers = new Producers()
  producers.set('p', 7, 0)

  const changed = producers.sweep(start)

  expect(changed).toEqual(['p'])
  expect(producers.last('p', start + 48 * hour)).toBe(7)
  expect(producers.last('p', start + 48 * hour + 1)).toBe(0)
})

test('whether a producer is forgotten does not depend on sweeping', () => {
  const swept = new Producers()
  const unswept = new Producers()
  for (const producers of [swept, unswept]) {
    producers.set('idle', 5, start)
    producers.set('busy', 9, start + 30 * hour)
  }

  for (let at = start; at <= start + 60 * hour; at += hour) {
    swept.sweep(at)
    for (const name of ['idle', 'busy']) expect(swept.last(name, at)).toBe(unswept.last(name, at))
  }
})
