import { covers, estimators, judgeBySelf } from './off-policy.ts'
import type { Run } from './run.ts'

/** Of 100 intervals of 95 %, 95 have the truth in them; so many at least must. */
const coveredMin = 0.9

/** Whether the learner's own log tells what another policy would have earned. */
export async function self({ figures, selves, visits }: Run): Promise<void> {
  await figures.take(['off-policy-coverage'], async () => {
    const covered = new Map<string, number>()
    let ess = 0
    for (let seed = 1; seed <= selves; seed++) {
      for (const { policy, truth, estimate } of judgeBySelf({
        seed,
        weeks: 1,
        perWeek: visits,
      })) {
        for (const one of estimators) {
          const name = `${policy}, ${one}`
          covered.set(name, (covered.get(name) ?? 0) + (covers(estimate[one], truth) ? 1 : 0))
        }
        ess += estimate.ess / selves
      }
      if (seed % 10 === 0) figures.note(`${seed} of ${selves} logs`)
    }
    for (const [scenario, value] of covered) {
      // The headline of a backtest; the others are told beside it.
      const isHeadline = scenario.startsWith('each alike') && scenario.endsWith('snips')
      figures.add({
        figure: 'off-policy-coverage',
        value,
        unit: `of ${selves}`,
        ...(isHeadline && { atLeast: coveredMin * selves }),
        with: { scenario, visits },
      })
    }
    figures.note(`effective sample size, on average of both policies: ${Math.round(ess / 2)}`)
  })
}
