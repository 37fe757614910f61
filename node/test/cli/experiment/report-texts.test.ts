import { expect, test } from 'vitest'
import { reportPicture } from '../../../src/cli/experiment/picture.ts'
import { describeReport } from '../../../src/cli/experiment/report-texts.ts'
import { reportIn } from '../../../src/cli/experiment/told-report.ts'

/** Nobody of the control did it: no difference is a share of its rate. */
const report = reportIn({
  experiment: 'hero-order',
  at: '2026-12-01T00:00:00.000Z',
  starts: null,
  ends: null,
  control: 'none',
  words: ['ours is better than none: 12.14 points to 17.63 points more'],
  arms: [],
  measures: [
    {
      measure: 'accept within 7 days',
      isGuardrail: false,
      arms: [
        {
          arm: 'ours',
          people: 1_626,
          did: 242,
          compared: {
            verdict: 'better',
            lift: { difference: 0.1488, interval: { low: 0.12141, high: 0.17629 } },
          },
        },
        { arm: 'none', people: 522, did: 0 },
      ],
    },
  ],
  seen: 2_793,
  several: 0,
  formerly: 0,
})

test('a difference that is no share of anything is told in points', () => {
  expect(describeReport(report)).toContainEqual(
    expect.stringMatching(/^ours {2}1,626 .* 14\.88 % {2}\+12\.14 to \+17\.63 points$/),
  )
})

test('a picture says the points where it has no interval to draw', () => {
  const picture = reportPicture(report)

  expect(picture).toContain('>+12.14 to +17.63 points</text>')
  expect(picture).not.toContain('too early')
})
