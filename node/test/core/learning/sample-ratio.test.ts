import { describe, expect, it } from 'vitest'
import { sampleRatio, upperGamma } from '../../../src/core/learning/sample-ratio.ts'

describe('the sample-ratio check', () => {
  it.each([
    // Critical values of χ² as tables give them.
    { degrees: 1, chiSquare: 3.841458820694124, p: 0.05 },
    { degrees: 2, chiSquare: 5.991464547107979, p: 0.05 },
    { degrees: 3, chiSquare: 16.26623619623813, p: 0.001 },
    { degrees: 1, chiSquare: 10.827566170662733, p: 0.001 },
    { degrees: 7, chiSquare: 2.167349909298056, p: 0.95 },
  ])(
    'has p = $p at χ² = $chiSquare with $degrees degrees of freedom',
    ({ degrees, chiSquare, p }) => {
      expect(upperGamma(degrees / 2, chiSquare / 2)).toBeCloseTo(p, 10)
    },
  )

  it('is silent where arms got what was promised, up to chance', () => {
    const found = sampleRatio([9_050, 480, 470], [0.9, 0.05, 0.05])
    expect(found?.chiSquare).toBeCloseTo(50 ** 2 / 9_000 + 20 ** 2 / 500 + 30 ** 2 / 500, 10)
    expect(found?.isAlarm).toBe(false)
  })

  it('alarms where an arm lost people', () => {
    expect(sampleRatio([5_000, 4_600], [0.5, 0.5])?.isAlarm).toBe(true)
    expect(sampleRatio([1_000, 0], [0.5, 0.5])?.p).toBeLessThan(1e-100)
  })

  it('has nothing to say before anybody came', () => {
    expect(sampleRatio([0, 0], [0.5, 0.5])).toBeUndefined()
    expect(sampleRatio([7], [1])).toBeUndefined()
  })
})
