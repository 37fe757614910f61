import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HedgeDelay } from '../src/hedge-delay.ts'

function after(answers: readonly number[]): number {
  const delay = new HedgeDelay()
  for (const tookMs of answers) delay.answered(tookMs)
  return delay.ms
}

describe('the time after which an answer is late', () => {
  it('is never below 30 ms nor above 50 ms', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 5_000, noNaN: true })), (answers) => {
        const ms = after(answers)

        expect(ms).toBeGreaterThanOrEqual(30)
        expect(ms).toBeLessThanOrEqual(50)
      }),
    )
  })

  it('comes near what a 20th of the recent answers exceeds', () => {
    const even = Array.from({ length: 20_000 }, (_, i) => ((i * 7) % 100) * 0.42)

    const ms = after(even)

    expect(ms).toBeGreaterThan(38)
    expect(ms).toBeLessThan(42)
  })

  it('comes down again once answers are quick', () => {
    const slow = Array.from({ length: 100 }, () => 200)
    const quick = Array.from({ length: 1_000 }, () => 2)

    expect(after(slow)).toBe(50)
    expect(after([...slow, ...quick])).toBe(30)
  })
})
