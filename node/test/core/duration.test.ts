import { expect, test } from 'vitest'
import { durationInWords, parseDuration } from '../../src/core/duration.ts'

test('durations are a whole number and a unit', () => {
  expect(['90s', '30m', '2h', '14d', '1w'].map(parseDuration)).toEqual([
    90_000, 1_800_000, 7_200_000, 1_209_600_000, 604_800_000,
  ])
})

test('anything else is no duration', () => {
  const texts = ['', '30', 'm', '0d', '01d', '-1d', '1.5h', '1 h', '1H', '1mo', '9999999d', '1d ']
  expect(texts.map(parseDuration)).toEqual(texts.map(() => undefined))
})

test('in words, a duration is in the largest unit that it is whole in', () => {
  const day = 24 * 60 * 60_000
  expect(
    [7 * day, day, day / 24, 90 * 60_000, 90_000, 1_000, 1_500, 0].map(durationInWords),
  ).toEqual([
    '7 days',
    '1 day',
    '1 hour',
    '90 minutes',
    '90 seconds',
    '1 second',
    '1500 ms',
    '0 ms',
  ])
})
