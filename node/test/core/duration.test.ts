import { expect, test } from 'vitest'
import { parseDuration } from '../../src/core/duration.ts'

test('durations are a whole number and a unit', () => {
  expect(['90s', '30m', '2h', '14d', '1w'].map(parseDuration)).toEqual([
    90_000, 1_800_000, 7_200_000, 1_209_600_000, 604_800_000,
  ])
})

test('anything else is no duration', () => {
  const texts = ['', '30', 'm', '0d', '01d', '-1d', '1.5h', '1 h', '1H', '1mo', '9999999d', '1d ']
  expect(texts.map(parseDuration)).toEqual(texts.map(() => undefined))
})
