import type { ArmPosterior } from '../../core/learning/belief.ts'
import type { LearnedPlacement } from '../../core/learning/learned-placement.ts'
import { logisticBeliefs } from '../../core/learning/logistic-beliefs.ts'
import type { Taught } from '../../core/learning/trial-rows.ts'
import { inSlices } from './in-slices.ts'
import { RecentTrials, type RecentTrialsDependencies } from './recent-trials.ts'
import { type Trainer, type TrainingInput, trainingMs } from './trainer.ts'

/** Of the time that a trainer has: fitting takes the rest. */
const readingMs = trainingMs * 0.6

const hourMs = 3_600_000

/**
 * Learns of decisions with what became of them by logistic regression: what a value in a bucket does
 * for all arms is learnt from all of them, so that buckets in which little was tried are known too.
 */
export class LogisticTrainer implements Trainer {
  readonly name = 'logistic'
  private readonly uses: RecentTrialsDependencies
  /** By what is read together: placements with one lesson. */
  private trials = new Map<string, RecentTrials>()

  constructor(uses: RecentTrialsDependencies) {
    this.uses = uses
  }

  /** What is under way ends soon, with less than there is. */
  close(): void {
    for (const one of this.trials.values()) one.close()
  }

  async train({
    placements,
    at,
  }: TrainingInput): Promise<ReadonlyMap<string, readonly ArmPosterior[]>> {
    const groups = groupsOf(placements)
    const trials = new Map<string, RecentTrials>()
    for (const [name, group] of groups)
      trials.set(name, this.trials.get(name) ?? new RecentTrials(this.uses, lessonsOf(group)))
    this.trials = trials
    const beliefs = new Map<string, readonly ArmPosterior[]>()
    // Statistics are as of the end of an hour: what is sure to be over then is over by its beginning.
    const now = Math.max(at - hourMs, this.uses.clock.now())
    for (const [name, group] of groups) {
      const rows = (await trials.get(name)?.asOf(now, readingMs / groups.size)) ?? []
      for (const placement of group) {
        const own = rows.filter((row) => row.placement === placement.name)
        const learnt = await inSlices(logisticBeliefs(placement, own), this.uses.clock)
        if (learnt.length > 0) beliefs.set(placement.name, learnt)
      }
    }
    return beliefs
  }
}

function groupsOf(
  placements: readonly LearnedPlacement[],
): ReadonlyMap<string, readonly LearnedPlacement[]> {
  const byLesson = Map.groupBy(placements, ({ learning }) => learning.lesson)
  const groups = new Map<string, readonly LearnedPlacement[]>()
  for (const [lesson, group] of byLesson)
    groups.set([lesson, ...group.map(({ name }) => name)].join(' '), group)
  return groups
}

function lessonsOf(group: readonly LearnedPlacement[]): ReadonlyMap<string, Taught> {
  return new Map(group.map(({ name, learning }) => [name, learning]))
}
