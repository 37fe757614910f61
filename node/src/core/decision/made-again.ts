import { assignmentAt } from './assignment.ts'
import type { Calendar } from './calendar.ts'
import { type Choice, decide, type Profile } from './decide.ts'
import { partlyReplayedModel, replayedModel } from './logged-chance.ts'
import type { LoggedChoice, LoggedDecision } from './logged-decision.ts'
import { profileIn } from './logged-profile.ts'
import type { Placement, Playbook } from './playbook.ts'
import type { Trace } from './verdict.ts'

/**
 * What a logged decision shows when it is made again, and whether that is what was shown; without
 * why, which takes longer than deciding. Undefined as of `rederive`.
 * @param arms by experiment another arm; then P of what took no part is `unknownRate`
 */
export function showAgain(
  logged: LoggedDecision,
  playbook: Playbook,
  calendar: Calendar,
  arms?: ReadonlyMap<string, string>,
): { readonly choices: readonly Choice[]; readonly isSame: boolean } | undefined {
  const again = decideAgain(logged, playbook, calendar, { arms })
  return again && { choices: again.made, isSame: isSameAs(logged, again.made) }
}

interface Again {
  readonly arms?: ReadonlyMap<string, string> | undefined
  readonly traces?: Map<string, Trace>
}

/** Undefined as of `rederive`. @param traces collects why */
export function decideAgain(
  logged: LoggedDecision,
  playbook: Playbook,
  calendar: Calendar,
  { arms, traces }: Again,
): { readonly made: readonly Choice[]; readonly profile: Profile } | undefined {
  const placements = logged.choices.map(({ placement }) => playbook.placements.get(placement))
  const known = placements.filter((placement) => placement !== undefined)
  const profile = profileIn(logged.stored, playbook)
  if (profile === undefined || known.length < placements.length) return undefined
  const { at: now, exposures, isPrimary, refused, decision: seed } = logged
  const then = { placements: known, now, exposures, isPrimary, refused, seed }
  const isTold = (placement: Placement) => assignmentAt(placement, profile, then).shows !== 'random'
  const request =
    arms === undefined
      ? { ...then, model: replayedModel(logged, known) }
      : { ...then, model: partlyReplayedModel(logged, known, isTold), arms }
  return { made: decide(profile, request, playbook, calendar, traces), profile }
}

/** Whether it shows what was shown. */
export function isSameAs({ choices }: LoggedDecision, made: readonly Choice[]): boolean {
  return made.every((choice, i) => isSameChoice(choice, choices[i]))
}

function isSameChoice(choice: Choice, logged: LoggedChoice | undefined): boolean {
  const shown = choice.propositions.filter(({ offer }) => offer !== undefined)
  return (
    choice.reason === logged?.reason &&
    shown.length === logged.propositions.length &&
    shown.every(({ offer, treatment }, i) => {
      const one = logged.propositions[i]
      return offer === one?.offer && treatment === one?.treatment
    })
  )
}
