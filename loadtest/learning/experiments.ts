import type { Arm } from '../../node/src/core/profile/arm.ts'
import { sharesOf } from './arm-shares.ts'
import { type Equals, falseAlarms } from './false-alarms.ts'
import type { Run } from './run.ts'

/** Promised of the intervals of an experiment's report. */
const alarmsMax = 0.05

/** So unlikely a chi-square, and something other than chance chooses arms. */
const shareMin = 0.001

/** Enough for an interval, and for as many looks as anybody takes, at each rate. */
const people = 100_000

const equals: readonly Equals[] = [0.005, 0.05, 0.3].flatMap((rate) =>
  [0.5, 0.05].map((share) => ({ rate, share, people })),
)

const experimentsOfShares: readonly { readonly name: string; readonly arms: readonly Arm[] }[] = [
  {
    name: 'hero-order',
    arms: [
      { name: 'ours', share: 0.9 },
      { name: 'none', share: 0.05 },
      { name: 'any', share: 0.05 },
    ],
  },
  {
    name: 'halves',
    arms: [
      { name: 'one', share: 0.5 },
      { name: 'other', share: 0.5 },
    ],
  },
]

/** What an author may rely on who reads a report every day, and splits people by a hash. */
export async function experiments({ figures, runs, visitors }: Run): Promise<void> {
  await figures.take(['false-alarms-aa'], async () => {
    for (const one of equals) {
      const { rate, share } = one
      const scenario = `rate ${rate}, arm of ${share}`
      figures.note(`${runs} experiments without a difference: ${scenario}`)
      const value = falseAlarms(one, runs, 1) / runs
      const conditions = { scenario, runs, people }
      figures.add({
        figure: 'false-alarms-aa',
        value,
        unit: '',
        atMost: alarmsMax,
        with: conditions,
      })
    }
  })
  await figures.take(['arm-shares'], async () => {
    for (const { name, arms } of experimentsOfShares) {
      const { p = null, chiSquare = 0 } = sharesOf(name, arms, visitors) ?? {}
      const scenario = arms.map(({ share }) => Math.round(share * 100)).join('/')
      const conditions = { scenario, visitors, chiSquare: Number(chiSquare.toFixed(2)) }
      figures.add({
        figure: 'arm-shares',
        value: p,
        unit: 'p',
        atLeast: shareMin,
        with: conditions,
      })
    }
  })
}
