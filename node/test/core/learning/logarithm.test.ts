import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exp, ln } from '../../../src/core/learning/logarithm.ts'

test('the logarithm is what the engine says, to fourteen digits', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (value) => {
      const expected = Math.log(value)

      expect(Math.abs(ln(value) - expected)).toBeLessThanOrEqual(1e-14 * (1 + Math.abs(expected)))
    }),
  )
})

test('the exponential is what the engine says, to thirteen digits', () => {
  fc.assert(
    fc.property(fc.double({ min: -30, max: 30, noNaN: true }), (value) => {
      expect(exp(value) / Math.exp(value)).toBeCloseTo(1, 13)
    }),
  )
})
