import { expect, test } from 'vitest'
import { discontinuity } from '../../../src/core/shard/continuity.ts'
import { fingerprintOf } from '../../../src/core/shard/fold.ts'
import { start } from '../../support/records.ts'

const applied = { bytes: new Uint8Array([1, 2, 3]), timestamp: start }
const cursor = { incarnation: 7, applied: 10, fingerprint: fingerprintOf(applied) }
const extent = { incarnation: 7, first: 1, last: 10 }

test('a log that holds what was applied is followed, at its end and before it', () => {
  expect(discontinuity(cursor, extent, applied)).toBeUndefined()
  expect(discontinuity(cursor, { ...extent, last: 20 }, applied)).toBeUndefined()
})

test('a log that begins right behind what was applied is followed', () => {
  expect(discontinuity(cursor, { ...extent, first: 11, last: 10 }, undefined)).toBeUndefined()
  expect(discontinuity(cursor, { ...extent, first: 11, last: 30 }, undefined)).toBeUndefined()
})

test('an empty log is followed from nothing', () => {
  const nothing = { incarnation: 7, applied: 0, fingerprint: '' }
  expect(discontinuity(nothing, { incarnation: 7, first: 1, last: 0 }, undefined)).toBeUndefined()
})

test('a log whose next entry was trimmed has a gap', () => {
  expect(discontinuity(cursor, { ...extent, first: 12, last: 30 }, undefined)).toBe('TRIM_GAP')
})

test('a log that ends before what was applied lost entries', () => {
  expect(discontinuity(cursor, { ...extent, last: 9 }, undefined)).toBe('AHEAD')
})

test('a log that holds another entry, or took it at another time, is another history', () => {
  const other = { ...applied, bytes: new Uint8Array([1, 2, 4]) }
  expect(discontinuity(cursor, extent, other)).toBe('DIVERGED')
  expect(discontinuity(cursor, extent, { ...applied, timestamp: start + 1 })).toBe('DIVERGED')
})

test('another incarnation is another log, whatever it holds', () => {
  expect(discontinuity(cursor, { ...extent, incarnation: 8 }, applied)).toBe('RECREATED')
  expect(discontinuity(cursor, { incarnation: 8, first: 1, last: 0 }, undefined)).toBe('RECREATED')
})
