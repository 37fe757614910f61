import { armOf } from '../profile/arm.ts'
import type { DecideRequest, Profile } from './decide.ts'
import type { Experiment, Placement, Shows } from './playbook.ts'

/** In which arms of a placement's experiments a person is, and what these show. */
export interface Assignment {
  /** `experiment=arm`, of each experiment that runs. */
  readonly arms: readonly string[]
  readonly shows: Shows
  /** Whether conditions may have asked for an arm, so that even default content is by an experiment. */
  readonly isRead: boolean
}

const none: Assignment = { arms: [], shows: 'rules', isRead: false }

/** Of several experiments that show something else than the rules do, the strongest counts. */
const strongest: readonly Shows[] = ['fallback', 'random', 'unlearned', 'rules']

/** By the eldest fragment of the profile, so a login moves nobody. Who has none is in no experiment. */
export function assignmentAt(
  { experiments }: Placement,
  { eldest }: Profile,
  { now, arms: forced }: DecideRequest,
): Assignment {
  if (experiments.length === 0) return none
  const arms: string[] = []
  let shows: Shows = 'rules'
  let isRead = false
  for (const experiment of experiments) {
    const arm = armIn(experiment, eldest, now, forced)
    if (arm === undefined) continue
    arms.push(`${experiment.name}=${arm.name}`)
    if (strongest.indexOf(arm.shows) < strongest.indexOf(shows)) shows = arm.shows
    isRead ||= experiment.isRead
  }
  return { arms, shows, isRead }
}

/** The arm that somebody is in; undefined where the experiment does not run now. */
export function armIn(
  { name, arms, starts, ends }: Experiment,
  eldest: Profile['eldest'],
  now: number,
  forced: DecideRequest['arms'],
): Experiment['arms'][number] | undefined {
  if (now < starts || now >= ends) return undefined
  const wanted = forced?.get(name)
  if (wanted !== undefined) return arms.find((arm) => arm.name === wanted)
  return eldest === null ? undefined : armOf(name, arms, eldest.id)
}
