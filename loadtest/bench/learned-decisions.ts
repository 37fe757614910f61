import { type DecideRequest, decide } from '../../node/src/core/decision/decide.ts'
import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { learnedPlacements } from '../../node/src/core/learning/learned-placement.ts'
import { makeVersion } from '../../node/src/core/learning/make-version.ts'
import type { SummedCell } from '../../node/src/core/learning/summed-statistics.ts'
import { cellsMax } from '../../node/src/core/learning/version-plan.ts'
import { VersionedModel } from '../../node/src/core/learning/versioned-model.ts'
import { ZoneCalendar } from '../../node/src/system/zone-calendar.ts'
import { median, now, playbookOf, visitorOf } from './decisions.ts'
import type { Run } from './run.ts'

const names = ['decision-cpu-200-model']

/** Median microseconds of processor time: 200 candidates, all of which may be shown, and a model. */
const cpuMaxMicros = 300

const offers = 200
const tiers = ['gold', 'platinum', 'none']
const calendar = new ZoneCalendar()

/** What a decision costs where chance chooses among all of 200 offers by what was learnt. */
export async function learnedDecisions({ figures }: Run): Promise<void> {
  await figures.take(names, async () => {
    const learn = { on: 'click', by: ['traits.tier'], explore: 0.02 }
    const hero = { channel: 'web', format: 'banner', fallback: {}, learn }
    const playbook = playbookOf(offers, { placements: { hero } }, false)
    const profile = visitorOf(playbook)
    const model = modelOf(playbook)
    let decisions = 0
    const request = (): DecideRequest => ({
      placements: [...playbook.placements.values()],
      now,
      exposures: [],
      model,
      seed: `decision-${++decisions}`,
    })
    const shown = new Set<string>()
    for (let i = 0; i < 500; i++) {
      const [choice] = decide(profile, request(), playbook, calendar)
      const [first] = choice?.propositions ?? []
      if (choice?.reason !== 'sampled' || first?.offer === undefined)
        throw new Error('nothing is left to chance')
      shown.add(first.offer)
    }
    figures.add({
      figure: 'decision-cpu-200-model',
      value: median(() => decide(profile, request(), playbook, calendar)),
      unit: 'µs',
      atMost: cpuMaxMicros,
      with: { offers, buckets: tiers.length, shownIn500: shown.size },
    })
  })
}

/** Each offer was tried a thousand times by each kind of visitor, and taken by one to five of a hundred. */
function modelOf(playbook: Playbook): VersionedModel {
  const placements = learnedPlacements(playbook)
  const sums = new Map<string, SummedCell[]>()
  for (const { name: placement, learning, arms } of placements) {
    const cells = arms.flatMap(({ offer, treatment }, i) =>
      tiers.map((bucket, j) => {
        const rewards = 10 + ((i * 7 + j * 11) % 41)
        return { placement, offer, treatment, bucket, trials: 1_000, rewards }
      }),
    )
    sums.set(learning.lesson, cells)
  }
  const made = { at: now, positions: [], playbook: 1 }
  const making = makeVersion({ made, placements, sums, trained: new Map(), cells: cellsMax })
  for (;;) {
    const step = making.next()
    if (step.done) return new VersionedModel(1, step.value)
  }
}
