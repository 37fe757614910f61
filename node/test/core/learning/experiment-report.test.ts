import { describe, expect, it } from 'vitest'
import { adjustedLift, plainLift } from '../../../src/core/learning/adjusted-lift.ts'
import { experimentReport } from '../../../src/core/learning/experiment-report.ts'
import { dayMs, noExperimentSums } from '../../../src/core/learning/experiment-sums.ts'
import { reportInWords } from '../../../src/core/learning/experiment-words.ts'
import { addAll, heroOrder, someSums, sumsOf } from '../../support/experiments.ts'

const now = heroOrder.starts + 21 * dayMs

describe('the report of an experiment', () => {
  it('compares each arm with the one that does least', () => {
    const report = experimentReport(heroOrder, someSums, now)

    expect(report.control).toBe('none')
    expect(report.measures[0]).toMatchObject({
      measure: 'accept within 7 days',
      isGuardrail: false,
      arms: [
        { arm: 'ours', people: 27_020, compared: { verdict: 'better' } },
        { arm: 'none', compared: undefined },
        { arm: 'any', compared: { verdict: 'open' } },
      ],
    })
    expect(report.sampleRatio?.isAlarm).toBe(false)
  })

  it('compares with another arm where that is asked for', () => {
    const { measures } = experimentReport(heroOrder, someSums, now, 'any')

    expect(measures[0]?.arms.map(({ compared }) => compared === undefined)).toEqual([
      false,
      false,
      true,
    ])
  })

  it('says the verdict in words, with an interval, and how long it would take', () => {
    expect(reportInWords(experimentReport(heroOrder, someSums, now))).toEqual([
      expect.stringMatching(/^ours is better than none: \d+\.\d % to \d+\.?\d* % more$/),
      expect.stringMatching(
        /^any: no difference to none seen yet, anything from \d+\.\d % less to \d+\.?\d* % more$/,
      ),
      expect.stringContaining('it may be stopped at any time'),
    ])
  })

  it('tells how many weeks it takes until a difference like this one is seen', () => {
    const sums = addAll([
      sumsOf('ours', 9_000, 520, { at: now - 2 * dayMs }),
      sumsOf('none', 9_000, 500, { at: now - 2 * dayMs }),
    ])
    const halves = {
      ...heroOrder,
      arms: heroOrder.arms.slice(0, 2).map((arm) => ({ ...arm, share: 0.5 })),
    }
    const [words] = reportInWords(experimentReport(halves, sums, now))

    expect(words).toMatch(/about \d+ weeks more, with 63,000 people a week$/)
  })

  it('says first that the arms did not get the people they were promised', () => {
    const sums = addAll([
      sumsOf('ours', 9_000, 900),
      sumsOf('none', 300, 5),
      sumsOf('any', 500, 50),
    ])
    const words = reportInWords(experimentReport(heroOrder, sums, now))

    expect(words[0]).toContain('ALARM: the arms did not get the people they were promised')
    expect(words[0]).toContain('none 3.06 % instead of 5.00 %')
    expect(words.at(-1)).toContain('do not decide by it')
  })

  it('names a guardrail that is worse', () => {
    const sums = addAll([sumsOf('ours', 9_000, 900), sumsOf('none', 9_000, 900)])
    const worse = {
      ...sums,
      arms: sums.arms.map((arm) => ({
        ...arm,
        measures: arm.measures.map((one, i) =>
          i === 1 ? { ...one, did: arm.arm === 'ours' ? 400 : 200 } : one,
        ),
      })),
    }
    const halves = {
      ...heroOrder,
      arms: heroOrder.arms.slice(0, 2).map((arm) => ({ ...arm, share: 0.5 })),
    }
    const words = reportInWords(experimentReport(halves, worse, now))

    expect(words[1]).toMatch(/^guardrail dismiss within 7 days: ours is worse than none: .* more$/)
    expect(words[2]).toBe('it may be stopped now: a guardrail is worse')
  })

  it('says that it is too early, or that nobody came', () => {
    const few = addAll([sumsOf('ours', 900, 90), sumsOf('none', 50, 5), sumsOf('any', 50, 5)])

    expect(reportInWords(experimentReport(heroOrder, few, now))).toEqual([
      'ours: too early to compare it with none',
      'any: too early to compare it with none',
      expect.stringContaining('too early: it takes 200 people in the smaller arm, of whom 20'),
    ])
    expect(reportInWords(experimentReport(heroOrder, noExperimentSums, now))).toEqual([
      'nobody was shown anything yet',
    ])
  })

  it('leaves out arms that the playbook does not have any more, and says how many people', () => {
    const sums = addAll([sumsOf('ours', 900, 90), sumsOf('gone', 70, 7)])

    expect(experimentReport(heroOrder, sums, now)).toMatchObject({
      formerly: 70,
      arms: [{ people: 900 }, { people: 0 }, { people: 0 }],
    })
  })
})

describe('the adjusted lift', () => {
  it('is narrower where who did it before does it again', () => {
    const treatment = { people: 10_000, did: 2_200, before: 2_000, both: 1_600 }
    const control = { people: 10_000, did: 2_000, before: 2_000, both: 1_500 }
    const plain = plainLift(treatment, control)
    const adjusted = adjustedLift(treatment, control)

    expect(adjusted?.difference).toBeCloseTo(plain.difference, 12)
    expect(widthOf(adjusted)).toBeLessThan(0.75 * widthOf(plain))
  })

  it('takes out what one arm did more already before', () => {
    const treatment = { people: 10_000, did: 2_100, before: 2_100, both: 2_100 }
    const control = { people: 10_000, did: 2_000, before: 2_000, both: 2_000 }

    expect(adjustedLift(treatment, control)?.difference).toBeCloseTo(0, 12)
  })

  it('is missing where nobody did anything before', () => {
    const sums = { people: 1_000, did: 100, before: 0, both: 0 }

    expect(adjustedLift(sums, sums)).toBeUndefined()
  })
})

function widthOf(lift: ReturnType<typeof adjustedLift>): number {
  return (lift?.interval?.high ?? Number.NaN) - (lift?.interval?.low ?? Number.NaN)
}
