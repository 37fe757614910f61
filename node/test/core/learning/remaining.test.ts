import fc from 'fast-check'
import { expect, test } from 'vitest'
import { remaining } from '../../../src/core/learning/remaining.ts'

const hour = 60 * 60_000

test('after each half-life exactly half is left', () => {
  const left = [0, 1, 2, 10, 31, 64].map((halves) => remaining(halves * hour, hour))

  expect(left).toEqual([1, 0.5, 0.25, 2 ** -10, 2 ** -31, 2 ** -64])
})

test('after very long nothing is left', () => {
  expect(remaining(1e15, hour)).toBe(0)
})

test('what is left is a power of two', () => {
  fc.assert(
    fc.property(
      fc.nat(1_000 * hour),
      fc.integer({ min: hour, max: 100 * hour }),
      (ms, halfLifeMs) => {
        const power = 2 ** (-ms / halfLifeMs)

        const left = remaining(ms, halfLifeMs)

        expect(Math.abs(left - power)).toBeLessThanOrEqual(power * 1e-9)
      },
    ),
  )
})

test('later no more is left than before', () => {
  fc.assert(
    fc.property(fc.nat(100 * hour), fc.nat(1_000), (ms, more) => {
      expect(remaining(ms + more, 7 * hour)).toBeLessThanOrEqual(remaining(ms, 7 * hour))
    }),
  )
})
